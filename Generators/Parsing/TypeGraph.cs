using Microsoft.CodeAnalysis;
using Modal.Generators.Model;

namespace Modal.Generators.Parsing;

/// <summary>Walks a type with all it contains and says how each part travels, or what stands in the way and where.</summary>
internal sealed partial class TypeGraph(Compilation compilation, CancellationToken cancellationToken)
{
    // A type that contains itself with ever larger arguments (Node<T> with a Node<Node<T>>) would never end.
    private const int MaxDepth = 50;

    private readonly Dictionary<string, CodecModel?> _codecs = new(StringComparer.Ordinal);
    private int _depth;

    /// <summary>What stands in the way, such as <c>Order.Callback is Func&lt;int&gt;, a delegate</c>; null after success.</summary>
    public string? Problem { get; private set; }

    /// <summary>A type that generated code cannot name; null if that is not the problem.</summary>
    public ITypeSymbol? Inaccessible { get; private set; }

    /// <summary>Codecs needed by the types that were added.</summary>
    public IEnumerable<CodecModel> Codecs => _codecs.Values.Where(c => c is not null).Select(c => c!);

    /// <summary>Adds a type.</summary>
    /// <returns>How it travels, or null with <see cref="Problem"/> set.</returns>
    public TypeUse? Add(ITypeSymbol type)
    {
        Problem = null;
        Inaccessible = null;
        var known = new HashSet<string>(_codecs.Keys, StringComparer.Ordinal);
        _depth = 0;
        var use = Visit(type, TypeNames.Readable(type));
        if (use is null)
        {
            foreach (var key in _codecs.Keys.Where(k => !known.Contains(k)).ToArray())
            {
                _codecs.Remove(key);
            }
        }

        return use;
    }

    private TypeUse? Visit(ITypeSymbol type, string path)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (type.TypeKind == TypeKind.Error)
        {
            // The compiler reports it; a second message would only hide the first.
            return Fail(path, type, "which does not exist");
        }

        if (Leaf(type) is { } leaf)
        {
            return leaf;
        }

        if (Refusal(type) is { } reason)
        {
            return Fail(path, type, reason);
        }

        if (!compilation.IsSymbolAccessibleWithin(type, compilation.Assembly) || IsFileLocal(type))
        {
            Inaccessible ??= type;
            return Fail(path, type, "which is not accessible to generated code");
        }

        if (type.TypeKind == TypeKind.Enum)
        {
            return Enum((INamedTypeSymbol)type);
        }

        var identity = TypeNames.Identity(type);
        var name = CodecName(identity);
        var use = new TypeUse(identity, $"global::Modal.Generated.Codecs.Write{name}(ref writer, {{0}})", $"global::Modal.Generated.Codecs.Read{name}(ref reader)");
        if (_codecs.ContainsKey(identity))
        {
            return use;
        }

        if (++_depth > MaxDepth)
        {
            return Fail(path, type, "nested too deep: does it contain itself with ever larger type arguments?");
        }

        _codecs.Add(identity, null);
        var codec = Composite(type, identity, name, path);
        _codecs[identity] = codec;
        _depth--;
        return codec is null ? null : use;
    }

    private CodecModel? Composite(ITypeSymbol type, string identity, string name, string path) => type switch
    {
        IArrayTypeSymbol array => Array(array, identity, name, path),
        INamedTypeSymbol named => Nullable(named, identity, name, path)
            ?? Tuple(named, identity, name, path)
            ?? Collection(named, identity, name, path)
            ?? (Problem is null ? Object(named, identity, name, path) : null),
        _ => null,
    };

    private CodecModel? Array(IArrayTypeSymbol array, string identity, string name, string path)
    {
        if (array.ElementType.SpecialType == SpecialType.System_Byte)
        {
            return new CodecModel(identity, name, CodecKind.Bytes, true, default, null, default, default);
        }

        return Visit(array.ElementType, path + "[]") is { } element
            ? new CodecModel(identity, name, CodecKind.Array, true, new([element]), null, default, default)
            : null;
    }

    private CodecModel? Nullable(INamedTypeSymbol type, string identity, string name, string path) =>
        type.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T && Visit(type.TypeArguments[0], path) is { } value
            ? new CodecModel(identity, name, CodecKind.Nullable, false, new([value]), null, default, default)
            : null;

    private CodecModel? Tuple(INamedTypeSymbol type, string identity, string name, string path)
    {
        if (Problem is not null || !type.IsTupleType)
        {
            return null;
        }

        var elements = new List<TypeUse>();
        foreach (var element in type.TupleElements)
        {
            if (Visit(element.Type, path + "." + element.Name) is not { } use)
            {
                return null;
            }

            elements.Add(use);
        }

        return new CodecModel(identity, name, CodecKind.Tuple, false, elements.ToEquatableArray(), null, default, default);
    }

    private TypeUse? Fail(string path, ITypeSymbol type, string reason)
    {
        var readable = TypeNames.Readable(type);
        Problem ??= path == readable ? $"{readable} is {reason.Replace("which is ", "")}" : $"{path} is {readable}, {reason}";
        return null;
    }

    private static bool IsFileLocal(ITypeSymbol type) => type is INamedTypeSymbol { IsFileLocal: true };

    private static string CodecName(string identity)
    {
        // A readable part, and a hash of the identity so that two types with one short name differ.
        var hash = 2166136261u;
        foreach (var c in identity)
        {
            hash = unchecked((hash ^ c) * 16777619u);
        }

        // From the identity alone: one type must have one name, whatever its annotations and tuple names.
        var words = System.Text.RegularExpressions.Regex.Replace(identity, @"global::(\w+\.)*", "").Replace("[]", "Array").Replace("?", "Nullable").Split('.', '<', '>', ',', ' ');
        var readable = new string([.. words.SelectMany(w => w.Length == 0 ? "" : char.ToUpperInvariant(w[0]) + w.Substring(1)).Where(c => c < 128 && char.IsLetterOrDigit(c))]);
        return $"{(readable.Length > 40 ? readable.Substring(0, 40) : readable)}_{hash:x8}";
    }
}
