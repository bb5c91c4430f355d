using System.Text.Json;

namespace Modal.Backend.Images.Definitions;

/// <summary>What an image has beside its files. Immutable.</summary>
public sealed record ImageConfig
{
    /// <summary>Nothing set.</summary>
    public static ImageConfig Empty { get; } = new();

    /// <summary>Environment variables, sorted by name.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Where commands and functions start; null for the default: the root in a build, the folder of the code in a container.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>What is put before the command of a sandbox that runs one. Functions do not use it.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The command of a sandbox that is given none. Functions do not use it.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Who runs, as given: a name or number, maybe with a group after a colon. Null for the default: root in a build, nobody in a container.</summary>
    public string? User { get; init; }

    /// <summary>The shell of commands given as one text.</summary>
    public IReadOnlyList<string> Shell { get; init; } = ["/bin/sh", "-c"];

    /// <summary>With these variables set as well.</summary>
    public ImageConfig With(IEnumerable<KeyValuePair<string, string>> variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var merged = new SortedDictionary<string, string>(Environment.ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, value) in variables)
        {
            merged[name] = value;
        }

        return this with { Environment = merged };
    }

    /// <summary>The same text for the same content.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ImageJson.Default.ImageConfig);

    /// <inheritdoc/>
    public bool Equals(ImageConfig? other) => other is not null && ToJson() == other.ToJson();

    /// <inheritdoc/>
    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
