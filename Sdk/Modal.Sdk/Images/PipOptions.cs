namespace Modal;

/// <summary>Where Python packages come from, and how they are installed.</summary>
public sealed class PipOptions : BuildOptions
{
    /// <summary>The package index. Null, the default, means the installer's own.</summary>
    public string? IndexUrl { get; init; }

    /// <summary>Further indexes. Default none.</summary>
    public IReadOnlyList<string> ExtraIndexUrls { get; init; } = [];

    /// <summary>Pages or folders with packages. Default none.</summary>
    public IReadOnlyList<string> FindLinks { get; init; } = [];

    /// <summary>Whether pre-releases may be taken. Default false.</summary>
    public bool Pre { get; init; }

    /// <summary>Options as one would type them after <c>pip install</c>. Default none.</summary>
    public string ExtraOptions { get; init; } = "";

    /// <summary>A local file with requirements, relative to the current directory. Null, the default, means none.</summary>
    public string? RequirementsFile { get; init; }
}
