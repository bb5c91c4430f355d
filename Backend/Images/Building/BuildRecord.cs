using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Images.Building;

/// <summary>A built layer, or an image: what is stored under <c>build/</c>.</summary>
public sealed record BuildRecord
{
    /// <summary>The index's id, 64 hexadecimal letters.</summary>
    public required string Index { get; init; }

    /// <summary>Settings.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>What is mounted when a container starts.</summary>
    public IReadOnlyList<ImageMount> Mounts { get; init; } = [];

    /// <summary>The index's id.</summary>
    /// <exception cref="FormatException">The record is damaged.</exception>
    public Digest IndexId => Digest.Parse(Index);
}
