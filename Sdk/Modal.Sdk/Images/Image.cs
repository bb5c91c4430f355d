using Modal.Protocol;

namespace Modal;

/// <summary>Definition of a container's root filesystem. Immutable; each method returns a new one. Making one touches no file and no network.</summary>
public sealed record Image
{
    private Image(string operation) => Operation = operation;

    private string Operation { get; }

    /// <summary>The standard base: Debian 12 with what .NET needs. Also what a function without an image gets.</summary>
    public static Image DebianSlim() => new("debian-slim");

    internal ImageSpec ToSpec() => new() { Layers = { new ImageLayer { Operation = Operation } } };
}
