namespace Modal.Images.Definitions;

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

    public LocalFilesDefinition? Local { get; init; }

    public bool ForceBuild { get; init; }

    /// <summary>Names of the secrets; their values belong to no definition.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    public string Gpu { get; init; } = "";

    public bool Equals(LayerDefinition? other) => other is not null
        && (Operation, ForceBuild, Gpu, Local) == (other.Operation, other.ForceBuild, other.Gpu, other.Local)
        && Arguments.SequenceEqual(other.Arguments)
        && Options.SequenceEqual(other.Options)
        && Secrets.SequenceEqual(other.Secrets);

    public override int GetHashCode() => (StringComparer.Ordinal.GetHashCode(Operation) * 31) + (Arguments.Count * 7) + Options.Count;

    /// <summary>The text that manifests hold, by which a run-time definition is compared with the compiled one. Equal layers have equal texts.</summary>
    public string ToJson() => CanonicalJson.Object(
        ("operation", CanonicalJson.String(Operation)),
        ("arguments", Strings(Arguments)),
        ("options", Options.Count == 0 ? null : CanonicalJson.Array(Options.Select(static o => CanonicalJson.Array([CanonicalJson.String(o.Name), CanonicalJson.String(o.Value)])))),
        ("secrets", Strings(Secrets)),
        ("gpu", Gpu.Length == 0 ? null : CanonicalJson.String(Gpu)),
        ("forceBuild", ForceBuild ? "true" : null),
        ("local", Local?.ToJson()));

    private static string? Strings(IReadOnlyList<string> values) => values.Count == 0 ? null : CanonicalJson.Array(values.Select(CanonicalJson.String));
}
