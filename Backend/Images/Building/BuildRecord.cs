using System.Text.Json.Serialization;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Building;

/// <summary>A built layer, or an image: what is stored under <c>build/</c>.</summary>
public sealed record BuildRecord
{
    /// <summary>The index's name in the store.</summary>
    public required string Index { get; init; }

    /// <summary>Settings.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>What is mounted when a container starts.</summary>
    public IReadOnlyList<ImageMount> Mounts { get; init; } = [];

    /// <summary>For a definition as a whole, the image that it is. Null for a layer or an image.</summary>
    public string? Image { get; init; }

    /// <summary>The image's id: the same for the same files, wherever they lie.</summary>
    /// <exception cref="FormatException">The record is damaged.</exception>
    [JsonIgnore]
    public Digest IndexId => ObjectKeys.TryGetImageId(Index, out var id) ? id : throw new FormatException($"'{Index}' is no index's name.");
}
