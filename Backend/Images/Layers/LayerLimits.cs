namespace Modal.Backend.Images.Layers;

/// <summary>What an archive may be at most. One that is larger is a mistake or an attack.</summary>
public sealed class LayerLimits
{
    /// <summary>Number of entries. Default 16,777,216, what an index can hold.</summary>
    public long MaxEntries { get; init; } = 1 << 24;

    /// <summary>Bytes of all files. Default 1 TiB.</summary>
    public long MaxBytes { get; init; } = 1L << 40;

    /// <summary>How many times longer than the archive its content may be once more than 1 GiB has come. Default 300: files of zeros reach 1000, usual ones 5.</summary>
    public long MaxRatio { get; init; } = 300;
}
