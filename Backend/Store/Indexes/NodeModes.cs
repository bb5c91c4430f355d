namespace Modal.Backend.Store.Indexes;

/// <summary>Kinds of entries, as in st_mode (inode(7)). Devices and sockets have no place in an image.</summary>
public static class NodeModes
{
    /// <summary>The bits that say the kind.</summary>
    public const int KindMask = 0xF000;

    /// <summary>A named pipe.</summary>
    public const int Fifo = 0x1000;

    /// <summary>A folder.</summary>
    public const int Directory = 0x4000;

    /// <summary>A regular file.</summary>
    public const int File = 0x8000;

    /// <summary>A symbolic link.</summary>
    public const int Link = 0xA000;
}
