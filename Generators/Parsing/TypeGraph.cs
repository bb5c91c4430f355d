using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>Walks the types of a signature: how each is written and read, and which need codecs of their own.</summary>
internal sealed class TypeGraph(CancellationToken cancellationToken)
{
    private static readonly SymbolDisplayFormat s_annotated = SymbolDisplayFormat.FullyQualifiedFormat
        .AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    private readonly Dictionary<string, TypeDefinition?> _definitions = new(StringComparer.Ordinal);

    /// <summary>What a type is that cannot be supported, and where it is; set by the first failure.</summary>
    public (string Path, string Type, string Reason)? Fault { get; private set; }

    public EquatableArray<TypeDefinition> Definitions =>
        new(_definitions.Where(d => d.Value is not null).OrderBy(d => d.Key, StringComparer.Ordinal).Select(d => d.Value!));

    public static string NameOf(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    public static string AnnotatedNameOf(ITypeSymbol type) => type.ToDisplayString(s_annotated);

    /// <summary>The type as a reference; null after a fault.</summary>
    public TypeReference? Resolve(ITypeSymbol type, string path)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Leaf(type) is { } leaf)
        {
            return Reference(type, leaf.Kind, leaf.Underlying);
        }

        if (Refuse(type) is { } reason)
        {
            Fault ??= (path, type.ToDisplayString(), reason);
            return null;
        }

        var name = NameOf(type);
        var suffix = Suffix(type, name);
        if (!_definitions.ContainsKey(name))
        {
            // Before its members are walked: a type may contain itself.
            _definitions.Add(name, null);
            if (Define(type, name, suffix, path) is not { } definition)
            {
                return null;
            }

            _definitions[name] = definition;
        }

        return Reference(type, CodecKind.Generated, suffix);
    }

    private static TypeReference Reference(ITypeSymbol type, CodecKind kind, string underlying) =>
        new(NameOf(type), AnnotatedNameOf(type), kind, underlying, type is { IsReferenceType: true, NullableAnnotation: NullableAnnotation.Annotated }, Accessibilities.IsPublic(type));

    private static (CodecKind Kind, string Underlying)? Leaf(ITypeSymbol type)
    {
        switch (type.SpecialType)
        {
            case SpecialType.System_Boolean: return (CodecKind.Boolean, "");
            case SpecialType.System_SByte: return (CodecKind.Signed, "sbyte");
            case SpecialType.System_Int16: return (CodecKind.Signed, "short");
            case SpecialType.System_Int32: return (CodecKind.Signed, "int");
            case SpecialType.System_Int64: return (CodecKind.Signed, "long");
            case SpecialType.System_Byte: return (CodecKind.Unsigned, "byte");
            case SpecialType.System_UInt16: return (CodecKind.Unsigned, "ushort");
            case SpecialType.System_UInt32: return (CodecKind.Unsigned, "uint");
            case SpecialType.System_UInt64: return (CodecKind.Unsigned, "ulong");
            case SpecialType.System_Single: return (CodecKind.Single, "");
            case SpecialType.System_Double: return (CodecKind.Double, "");
            case SpecialType.System_String: return (CodecKind.String, "");
            case SpecialType.System_Char: return (CodecKind.WellKnown, "Char");
            case SpecialType.System_Decimal: return (CodecKind.WellKnown, "Decimal");
            case SpecialType.System_DateTime: return (CodecKind.WellKnown, "DateTime");
        }

        switch (type)
        {
            case IArrayTypeSymbol { Rank: 1, ElementType.SpecialType: SpecialType.System_Byte }:
                return (CodecKind.Bytes, "");
            case INamedTypeSymbol { TypeKind: TypeKind.Enum, EnumUnderlyingType: { } underlying } when Accessibilities.IsReachable(type):
                return (CodecKind.Enum, NameOf(underlying));
            case INamedTypeSymbol { IsGenericType: true, TypeArguments.Length: 1 } memory when memory.TypeArguments[0].SpecialType == SpecialType.System_Byte && IsIn(memory, "System"):
                return memory.Name switch
                {
                    "Memory" => (CodecKind.Memory, ""),
                    "ReadOnlyMemory" => (CodecKind.ReadOnlyMemory, ""),
                    _ => null,
                };
            case INamedTypeSymbol { IsGenericType: false } named when IsIn(named, "System"):
                return named.Name is "Guid" or "DateTimeOffset" or "TimeSpan" or "DateOnly" or "TimeOnly" or "Uri" or "Version" or "Half" or "Int128" or "UInt128"
                    ? (CodecKind.WellKnown, named.Name)
                    : null;
            case INamedTypeSymbol { Name: "BigInteger" } big when IsIn(big, "System.Numerics"):
                return (CodecKind.WellKnown, "BigInteger");
            default:
                return null;
        }
    }

    private static string? Refuse(ITypeSymbol type) => type switch
    {
        { SpecialType: SpecialType.System_Object } => "object, whose content nobody can know",
        { TypeKind: TypeKind.Dynamic } => "dynamic, whose content nobody can know",
        { TypeKind: TypeKind.TypeParameter } => "a type parameter",
        { TypeKind: TypeKind.Pointer or TypeKind.FunctionPointer } => "a pointer, which means nothing on another machine",
        { TypeKind: TypeKind.Delegate } => "a delegate, and code does not travel",
        { IsRefLikeType: true } => "a ref struct, which lives on one stack",
        { IsAnonymousType: true } => "an anonymous type",
        { TypeKind: TypeKind.Error } => "not a type the compiler knows",
        IArrayTypeSymbol { Rank: > 1 } => "an array of several dimensions; use an array of arrays",
        _ => null,
    };

    private TypeDefinition? Define(ITypeSymbol type, string name, string suffix, string path)
    {
        switch (type)
        {
            case IArrayTypeSymbol array:
                return Elements(name, suffix, TypeShape.Array, NameOf(array.ElementType), isReference: true, (array.ElementType, path + "[]"));
            case INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable:
                return Elements(name, suffix, TypeShape.Nullable, "", isReference: false, (nullable.TypeArguments[0], path));
            case INamedTypeSymbol { IsTupleType: true } tuple:
                return Elements(name, suffix, TypeShape.Tuple, "", isReference: false, [.. tuple.TupleElements.Select(e => (e.Type, $"{path}.{e.Name}"))]);
            case INamedTypeSymbol named:
                var collection = Collection(named, name, suffix, path, out var isCollection);
                return isCollection ? collection : DefineObject(named, name, suffix, path);
            default:
                Fault ??= (path, type.ToDisplayString(), "not supported");
                return null;
        }
    }

    private TypeDefinition? Collection(INamedTypeSymbol type, string name, string suffix, string path, out bool known)
    {
        known = true;
        var element = type.TypeArguments.Length == 1 ? NameOf(type.TypeArguments[0]) : "";
        var definition = type.OriginalDefinition.ToDisplayString(SymbolDisplayFormat.CSharpErrorMessageFormat);
        switch (definition)
        {
            case "System.Collections.Generic.List<T>" or "System.Collections.Generic.HashSet<T>" or "System.Collections.Generic.SortedSet<T>":
                return Elements(name, suffix, TypeShape.Collection, name, isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.IList<T>" or "System.Collections.Generic.ICollection<T>" or "System.Collections.Generic.IReadOnlyList<T>"
                or "System.Collections.Generic.IReadOnlyCollection<T>":
                return Elements(name, suffix, TypeShape.Collection, $"global::System.Collections.Generic.List<{element}>", isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.ISet<T>" or "System.Collections.Generic.IReadOnlySet<T>":
                return Elements(name, suffix, TypeShape.Collection, $"global::System.Collections.Generic.HashSet<{element}>", isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.IEnumerable<T>":
                return Elements(name, suffix, TypeShape.Enumerable, $"global::System.Collections.Generic.List<{element}>", isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.Queue<T>":
                return Elements(name, suffix, TypeShape.Queue, name, isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.Stack<T>":
                return Elements(name, suffix, TypeShape.Stack, name, isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Immutable.ImmutableArray<T>":
                return Elements(name, suffix, TypeShape.ImmutableArray, element, isReference: false, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Immutable.ImmutableList<T>":
                return Elements(name, suffix, TypeShape.ImmutableList, element, isReference: true, (type.TypeArguments[0], path + "[]"));
            case "System.Collections.Generic.Dictionary<TKey, TValue>" or "System.Collections.Generic.SortedDictionary<TKey, TValue>":
                return Pairs(name);
            case "System.Collections.Generic.IDictionary<TKey, TValue>" or "System.Collections.Generic.IReadOnlyDictionary<TKey, TValue>":
                return Pairs($"global::System.Collections.Generic.Dictionary<{NameOf(type.TypeArguments[0])}, {NameOf(type.TypeArguments[1])}>");
            case "System.Collections.Generic.KeyValuePair<TKey, TValue>":
                return Elements(name, suffix, TypeShape.KeyValuePair, name, isReference: false, (type.TypeArguments[0], path + ".Key"), (type.TypeArguments[1], path + ".Value"));
            default:
                known = false;
                return null;
        }

        TypeDefinition? Pairs(string construct) =>
            Elements(name, suffix, TypeShape.Dictionary, construct, isReference: true, (type.TypeArguments[0], path + ".Keys[]"), (type.TypeArguments[1], path + ".Values[]"));
    }

    private TypeDefinition? Elements(string name, string suffix, TypeShape shape, string construct, bool isReference, params (ITypeSymbol Type, string Path)[] elements)
    {
        var resolved = new List<TypeReference>();
        foreach (var (type, path) in elements)
        {
            if (Resolve(type, path) is not { } reference)
            {
                return null;
            }

            resolved.Add(reference);
        }

        return new TypeDefinition(name, suffix, shape, construct, isReference, new EquatableArray<TypeReference>(resolved), EquatableArray<MemberModel>.Empty);
    }

    private TypeDefinition? DefineObject(INamedTypeSymbol type, string name, string suffix, string path)
    {
        if (ObjectShape.WhyNot(type) is { } reason)
        {
            Fault ??= (path, type.ToDisplayString(), reason);
            return null;
        }

        if (ObjectShape.Of(type) is not { } shape)
        {
            Fault ??= (path, type.ToDisplayString(), "a type that cannot be made again: give it a public constructor whose parameters are named as its members, or members that can be set");
            return null;
        }

        var members = new List<MemberModel>();
        foreach (var member in shape)
        {
            if (Resolve(member.Type, $"{path}.{member.Name}") is not { } reference)
            {
                return null;
            }

            members.Add(new MemberModel(member.Name, reference, member.Restore, member.ConstructorIndex, member.Default));
        }

        return new TypeDefinition(name, suffix, TypeShape.Object, "", type.IsReferenceType, EquatableArray<TypeReference>.Empty, new EquatableArray<MemberModel>(members));
    }

    private static bool IsIn(ITypeSymbol type, string ns) => type.ContainingType is null && type.ContainingNamespace?.ToDisplayString() == ns;

    private static string Suffix(ITypeSymbol type, string name)
    {
        // The name for people, the hash so that no two types share a method.
        var hash = 14695981039346656037UL;
        foreach (var c in name)
        {
            hash = unchecked((hash ^ c) * 1099511628211UL);
        }

        var simple = type is IArrayTypeSymbol array ? array.ElementType.Name + "Array" : type.Name;
        return $"{(simple.Length > 0 ? simple : "Tuple")}_{hash:x16}";
    }
}
