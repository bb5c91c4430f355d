namespace Modal.Backend.Images.Building;

/// <summary>Settings of the builder.</summary>
public sealed class ImageBuilderOptions
{
    /// <summary>The root file system of the standard base; the name of the folder it lies in is a part of the layer's key. Null if there is none: <c>debian-slim</c> is refused then.</summary>
    public string? StandardBase { get; init; }

    /// <summary>How many layers are made at once. Default 4, at least 1: steps wait for networks more than for processors.</summary>
    public int MaxConcurrentLayers { get; init; } = 4;
}
