using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>Parameter lists and argument types as C#.</summary>
internal static class Signatures
{
    public const string Unit = "global::Modal.Unit";
    public const string Token = "global::System.Threading.CancellationToken";
    public const string Writer = "global::Modal.Serialization.PayloadWriter";
    public const string Reader = "global::Modal.Serialization.PayloadReader";

    private static readonly HashSet<string> s_namesTuplesRefuse = new(StringComparer.Ordinal)
    {
        "Rest", "ToString", "Equals", "GetHashCode", "CompareTo", "Deconstruct", "GetType", "MemberwiseClone", "Finalize", "ReferenceEquals",
    };

    /// <summary>The handle's argument type: Unit, the one type, or a tuple with the parameters' names.</summary>
    public static string ArgumentType(IReadOnlyList<ParameterModel> sent)
    {
        if (sent.Count < 2)
        {
            return sent.Count == 0 ? Unit : sent[0].Type;
        }

        var named = sent.All(p => !s_namesTuplesRefuse.Contains(p.Name) && !p.Name.StartsWith("Item", StringComparison.Ordinal));
        return "(" + string.Join(", ", sent.Select(p => named ? $"{p.Type} {p.Name}" : p.Type)) + ")";
    }

    /// <summary>An expression of <see cref="ArgumentType"/> from the parameters.</summary>
    public static string ArgumentValue(IReadOnlyList<ParameterModel> sent) => sent.Count switch
    {
        0 => "default",
        1 => sent[0].Name,
        _ => "(" + string.Join(", ", sent.Select(p => p.Name)) + ")",
    };

    /// <summary>Parameters that are sent, with defaults; a <c>params</c> array is an ordinary one, since the token follows it.</summary>
    public static string Declare(IEnumerable<ParameterModel> sent) =>
        string.Join(", ", sent.Select(p => $"{p.Type} {p.Name}{(p.Default is null ? "" : " = " + p.Default)}"));

    /// <summary>All parameters as the method declares them.</summary>
    public static string DeclareAll(IEnumerable<ParameterModel> parameters) =>
        string.Join(", ", parameters.Select(p => $"{(p.IsParams ? "params " : "")}{p.Type} {p.Name}{(p.Default is null ? "" : " = " + p.Default)}"));

    /// <summary>A name for the token that no parameter has.</summary>
    public static string TokenName(IReadOnlyList<ParameterModel> sent)
    {
        var name = "cancellationToken";
        while (sent.Any(p => p.Name == name))
        {
            name += "_";
        }

        return name;
    }

    /// <summary>Statements that write <c>argument</c> as an array.</summary>
    public static IEnumerable<string> WriteArguments(IReadOnlyList<ParameterModel> sent)
    {
        yield return $"writer.WriteArrayHeader({sent.Count});";
        for (var i = 0; i < sent.Count; i++)
        {
            yield return Format(sent[i].Use!.Write, sent.Count == 1 ? "argument" : $"argument.Item{i + 1}") + ";";
        }
    }

    /// <summary>Statements that read the arguments from <paramref name="bytes"/> into <c>a0</c>, <c>a1</c>, ...</summary>
    public static IEnumerable<string> ReadArguments(IReadOnlyList<ParameterModel> sent, string bytes, string name)
    {
        var required = sent.TakeWhile(p => p.Default is null).Count();
        yield return $"var reader = new {Reader}({bytes}.Span);";
        yield return $"var count = global::Modal.Serialization.ArgumentsCodec.ReadHeader(ref reader, {required}, {sent.Count}, {Json.String(name)});";
        for (var i = 0; i < sent.Count; i++)
        {
            yield return $"{sent[i].Type} a{i} = {sent[i].Default ?? sent[i].Use!.Read + "!"};";
            if (sent[i].Default is not null)
            {
                yield return $"if (count > {i}) a{i} = {sent[i].Use!.Read}!;";
            }
        }

        yield return $"global::Modal.Serialization.ArgumentsCodec.ReadEnd(ref reader, {Json.String(name)});";
    }

    /// <summary>The arguments of a call that was decoded by <see cref="ReadArguments"/>.</summary>
    public static string CallArguments(IEnumerable<ParameterModel> parameters, string token)
    {
        var index = 0;
        return string.Join(", ", parameters.Select(p => p.Use is null ? token : $"a{index++}"));
    }

    public static string Format(string pattern, string value) => pattern.Replace("{0}", value);
}
