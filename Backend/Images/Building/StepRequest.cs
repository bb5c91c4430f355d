using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Images.Building;

/// <summary>Commands, or a function, of a build.</summary>
public sealed record StepRequest
{
    /// <summary>The files that they see, and may change in a copy of their own.</summary>
    public required ImageIndex Parent { get; init; }

    /// <summary>Each a program and its arguments. None if there is a function.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Commands { get; init; }

    /// <summary>A function of the user's assemblies, which counts as the first command. Null if there are commands.</summary>
    public FunctionCall? Function { get; init; }

    /// <summary>All of their environment but what every build has (PATH, HOME).</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>Where they start; made if it is not there.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>Who runs them: a name or number, maybe with a group. Null for root.</summary>
    public string? User { get; init; }

    /// <summary>Folders that are kept between builds and are no part of the image, such as a package manager's downloads: id by path inside.</summary>
    public IReadOnlyDictionary<string, string> Caches { get; init; } = new Dictionary<string, string>();

    /// <summary>Folders or files of this machine, read-only, by path inside.</summary>
    public IReadOnlyDictionary<string, string> Binds { get; init; } = new Dictionary<string, string>();

    /// <summary>GPUs, as in Resources.gpu; empty for none.</summary>
    public string Gpu { get; init; } = "";
}
