namespace Modal.Backend.Images.Dockerfiles;

/// <summary>One instruction as it was written.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="Name">In capitals, such as <c>RUN</c>.</param>
/// <param name="Flags">What stood before its arguments as <c>--name=value</c>, checked, without quotes; those that may come more than once are there more than once.</param>
/// <param name="Text">The rest, with lines joined, not expanded.</param>
/// <param name="Json">The rest as an array, if it is one in JSON and the instruction takes such; else null.</param>
/// <param name="Documents">Here-documents that follow it.</param>
/// <param name="Trigger">Of ONBUILD: what stages that begin with this one do first; else null.</param>
internal sealed record Instruction(
    int Line, string Name, IReadOnlyList<KeyValuePair<string, string>> Flags, string Text, IReadOnlyList<string>? Json, IReadOnlyList<HereDocument> Documents, Instruction? Trigger)
{
    /// <summary>The value of a flag; null if it is not there.</summary>
    public string? Flag(string name) => AllOf(name).LastOrDefault();

    /// <summary>The values of a flag that may come more than once.</summary>
    public IEnumerable<string> AllOf(string name) => Flags.Where(f => f.Key == name).Select(static f => f.Value);
}
