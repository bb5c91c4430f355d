namespace Modal.Backend.Worker.Images;

/// <summary>How images become root file systems of this machine.</summary>
public enum ImageRootMode
{
    /// <summary>Mounted where the kernel lets this process use FUSE, else unpacked.</summary>
    Auto,

    /// <summary>Mounted: bytes come when they are read.</summary>
    Mount,

    /// <summary>Unpacked as a whole before the first start, and kept for the next ones.</summary>
    Unpack,
}
