namespace Modal;

/// <summary>Definition of a container's root filesystem. Immutable; each method returns a new one. Making one touches no file and no network.</summary>
public sealed record Image
{
    private Image(IReadOnlyList<string> layers) => Layers = layers;

    internal IReadOnlyList<string> Layers { get; }

    /// <summary>The standard base: Debian 12 with what .NET needs.</summary>
    public static Image DebianSlim() => new(["debian-slim"]);
}
