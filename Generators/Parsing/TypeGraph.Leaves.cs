using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

internal sealed partial class TypeGraph
{
    // Types of the framework that have a constructor for all their public state; others of it would lose something.
    private static readonly HashSet<string> s_plainFrameworkTypes = new(StringComparer.Ordinal)
    {
        "System.Tuple`1", "System.Tuple`2", "System.Tuple`3", "System.Tuple`4", "System.Tuple`5", "System.Tuple`6", "System.Tuple`7",
        "System.Collections.Generic.KeyValuePair`2", "System.Numerics.Complex", "System.Numerics.Vector2", "System.Numerics.Vector3", "System.Numerics.Vector4",
    };

    private static TypeUse? Leaf(ITypeSymbol type)
    {
        var identity = TypeNames.Identity(type);
        return type.SpecialType switch
        {
            SpecialType.System_Boolean => new(identity, "writer.Write({0})", "reader.ReadBoolean()"),
            SpecialType.System_SByte or SpecialType.System_Int16 or SpecialType.System_Byte or SpecialType.System_UInt16 or SpecialType.System_UInt32 =>
                Integer(identity, identity),
            SpecialType.System_Int32 => new(identity, "writer.Write((long){0})", "reader.ReadInt32()"),
            SpecialType.System_Int64 => new(identity, "writer.Write({0})", "reader.ReadInt64()"),
            SpecialType.System_UInt64 => new(identity, "writer.Write({0})", "reader.ReadUInt64()"),
            SpecialType.System_IntPtr => Integer(identity, "nint"),
            SpecialType.System_UIntPtr => new(identity, "writer.Write((ulong){0})", "checked((nuint)reader.ReadUInt64())"),
            SpecialType.System_Single => new(identity, "writer.Write({0})", "reader.ReadSingle()"),
            SpecialType.System_Double => new(identity, "writer.Write({0})", "reader.ReadDouble()"),
            SpecialType.System_String => new(identity, "writer.Write({0})", "reader.ReadString()"),
            SpecialType.System_Char => WellKnown(identity, "Char"),
            SpecialType.System_Decimal => WellKnown(identity, "Decimal"),
            SpecialType.System_DateTime => WellKnown(identity, "DateTime"),
            SpecialType.None => MetadataName(type) switch
            {
                "System.Guid" or "System.DateTimeOffset" or "System.TimeSpan" or "System.DateOnly" or "System.TimeOnly" or "System.Uri" or "System.Version"
                    or "System.Half" or "System.Int128" or "System.UInt128" or "System.Numerics.BigInteger" => WellKnown(identity, type.Name),
                "System.Memory`1" or "System.ReadOnlyMemory`1" or "System.ArraySegment`1" when IsOfBytes(type) => new(
                    identity,
                    type.Name == "ArraySegment" ? "writer.WriteBytes(global::System.MemoryExtensions.AsSpan({0}))" : "writer.WriteBytes({0}.Span)",
                    $"new {identity}(reader.ReadBytes().ToArray())"),
                _ => null,
            },
            _ => null,
        };
    }

    private static TypeUse Integer(string identity, string range) =>
        new(identity, "writer.Write((long){0})", $"({identity})reader.ReadInteger({range}.MinValue, {range}.MaxValue)");

    private static TypeUse WellKnown(string identity, string name) => new(
        identity, $"global::Modal.Serialization.WellKnownCodecs.Write{name}(ref writer, {{0}})", $"global::Modal.Serialization.WellKnownCodecs.Read{name}(ref reader)");

    private static TypeUse Enum(INamedTypeSymbol type)
    {
        var identity = TypeNames.Identity(type);
        var underlying = TypeNames.Identity(type.EnumUnderlyingType!);
        return type.EnumUnderlyingType!.SpecialType == SpecialType.System_UInt64
            ? new(identity, "writer.Write((ulong){0})", $"({identity})reader.ReadUInt64()")
            : new(identity, "writer.Write((long){0})", $"({identity})reader.ReadInteger({underlying}.MinValue, {underlying}.MaxValue)");
    }

    /// <summary>Why a type cannot travel whatever it contains, or null.</summary>
    private static string? Refusal(ITypeSymbol type)
    {
        switch (type.TypeKind)
        {
            case TypeKind.Delegate:
                return "a delegate: code cannot be sent, only data";
            case TypeKind.Pointer or TypeKind.FunctionPointer:
                return "a pointer into this process's memory";
            case TypeKind.Dynamic:
                return "whose real type is not known: name a concrete type";
            case TypeKind.TypeParameter:
                return "a type parameter: name a concrete type";
            case TypeKind.Array:
                return ((IArrayTypeSymbol)type).Rank > 1 ? "an array of several dimensions: use an array of arrays" : null;
        }

        if (type.SpecialType == SpecialType.System_Object)
        {
            return "whose real type is not known: name a concrete type";
        }

        if (type.IsAnonymousType)
        {
            return "an anonymous type: use a record";
        }

        if (type.IsRefLikeType)
        {
            return "a ref struct, which lives on the stack only: use an array or Memory<byte>";
        }

        if (type is not INamedTypeSymbol named)
        {
            return "not a supported type";
        }

        if (Inherits(named, "System.IO.Stream"))
        {
            return "a stream: send its bytes as byte[]";
        }

        if (MetadataName(named) is "System.Threading.Tasks.Task" or "System.Threading.Tasks.Task`1" or "System.Threading.Tasks.ValueTask" or "System.Threading.Tasks.ValueTask`1")
        {
            return "a task: await it and send its result";
        }

        if (MetadataName(named) == "System.Threading.CancellationToken")
        {
            return "which a function may take only as a parameter of its own";
        }

        if (named.IsUnboundGenericType || named.IsStatic)
        {
            return "not a type of values";
        }

        if (IsListedCollection(named) || named.IsTupleType)
        {
            return null;
        }

        if (Inherits(named, "System.Exception"))
        {
            return "an exception: throw it, or send its message";
        }

        if (named.AllInterfaces.Any(i => i.SpecialType == SpecialType.System_Collections_IEnumerable) || named.SpecialType == SpecialType.System_Collections_IEnumerable
            || named.TypeKind == TypeKind.Interface && named.AllInterfaces.Any(i => MetadataName(i) == "System.Collections.Generic.IAsyncEnumerable`1"))
        {
            return "a collection that is not supported: use an array, List<T>, HashSet<T> or Dictionary<TKey, TValue>";
        }

        if (MetadataName(named) == "System.Collections.Generic.IAsyncEnumerable`1")
        {
            return "a stream of values: return it as the method's own result, or send a List<T>";
        }

        if (named.TypeKind == TypeKind.Interface)
        {
            return "an interface: the class behind it is not known, so name a concrete type";
        }

        if (named.IsAbstract)
        {
            return "abstract: the class behind it is not known, so name a concrete type";
        }

        return named.OriginalDefinition.SpecialType != SpecialType.System_Nullable_T && IsFramework(named) && !s_plainFrameworkTypes.Contains(MetadataName(named))
            && named.TypeKind != TypeKind.Enum
            ? "a type of the framework that holds more than data, or that is not supported yet: send the data itself"
            : null;
    }

    private static bool IsFramework(INamedTypeSymbol type)
    {
        if (type.Locations.Any(l => l.IsInSource))
        {
            return false;
        }

        var ns = type.ContainingNamespace?.ToDisplayString() ?? "";
        return ns == "System" || ns.StartsWith("System.", StringComparison.Ordinal) || ns.StartsWith("Microsoft.", StringComparison.Ordinal);
    }

    private static bool Inherits(INamedTypeSymbol type, string name)
    {
        for (var t = type; t is not null; t = t.BaseType)
        {
            if (MetadataName(t) == name)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsOfBytes(ITypeSymbol type) => type is INamedTypeSymbol { TypeArguments: [{ SpecialType: SpecialType.System_Byte }] };

    private static string MetadataName(ITypeSymbol type) =>
        type.ContainingNamespace is { IsGlobalNamespace: false } ns && type.ContainingType is null ? ns.ToDisplayString() + "." + type.MetadataName : type.MetadataName;
}
