namespace Modal.Backend.Images.Dockerfiles;

/// <summary>One instruction as it was written.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Name">In capitals, such as <c>RUN</c>.</param>
/// <param name="Flags">What stood before its arguments as <c>--name=value</c>; a name may come more than once.</param>
/// <param name="Text">The rest, with lines joined, not expanded.</param>
/// <param name="Documents">Here-documents that follow it.</param>
internal sealed record Instruction(int Line, string Name, IReadOnlyList<KeyValuePair<string, string>> Flags, string Text, IReadOnlyList<HereDocument> Documents)
{
    /// <summary>The value of a flag; null if it is not there.</summary>
    public string? Flag(string name) => Flags.Where(f => f.Key == name).Select(static f => f.Value).LastOrDefault();
}

/// <summary>A here-document.</summary>
/// <param name="Name">Its mark.</param>
/// <param name="Content">Its lines, each with its end.</param>
/// <param name="IsExpanded">Whether variables in it are replaced: the mark was not quoted.</param>
internal sealed record HereDocument(string Name, string Content, bool IsExpanded);
