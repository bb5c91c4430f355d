namespace Modal.Images;

/// <summary>One layer as its author gave it. Equal by content.</summary>
internal sealed record LayerDefinition
{
    public LayerDefinition(string operation, IEnumerable<string>? arguments = null, IEnumerable<(string Name, string Value)>? options = null)
    {
        Operation = operation;
        Arguments = [.. arguments ?? []];
        Options = [.. (options ?? []).OrderBy(static o => o.Name, StringComparer.Ordinal)];
    }

    public string Operation { get; }

    public IReadOnlyList<string> Arguments { get; }

    public IReadOnlyList<(string Name, string Value)> Options { get; }

    public LocalFiles? Local { get; init; }

    public bool ForceBuild { get; init; }

    public IReadOnlyList<Secret> Secrets { get; init; } = [];

    public string Gpu { get; init; } = "";

    public bool Equals(LayerDefinition? other) => other is not null
        && (Operation, ForceBuild, Gpu, Local) == (other.Operation, other.ForceBuild, other.Gpu, other.Local)
        && Arguments.SequenceEqual(other.Arguments)
        && Options.SequenceEqual(other.Options)
        && Secrets.Select(static s => s.Name).SequenceEqual(other.Secrets.Select(static s => s.Name));

    public override int GetHashCode() => HashCode.Combine(Operation, Arguments.Count, Options.Count);
}
