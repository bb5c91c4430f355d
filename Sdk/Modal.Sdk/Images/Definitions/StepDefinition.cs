namespace Modal.Images.Definitions;

/// <summary>What <c>BuildOptions</c> say, with secrets by name. The properties have the same names and defaults.</summary>
internal record StepDefinition
{
    public IReadOnlyList<string> Secrets { get; init; } = [];

    public string? Gpu { get; init; }
}

/// <summary>What <c>PipOptions</c> say. The properties have the same names and defaults.</summary>
internal sealed record PipDefinition : StepDefinition
{
    public string? IndexUrl { get; init; }

    public IReadOnlyList<string> ExtraIndexUrls { get; init; } = [];

    public IReadOnlyList<string> FindLinks { get; init; } = [];

    public bool Pre { get; init; }

    public string ExtraOptions { get; init; } = "";

    public string? RequirementsFile { get; init; }
}
