using System.Runtime.InteropServices;

namespace Modal.Backend.Store.Indexes;

/// <summary>One entry of a tree, as it lies in the index: 64 bytes, little-endian.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 64)]
public readonly struct NodeInfo
{
    internal readonly uint NameOffset { get; init; }

    internal readonly ushort NameLength { get; init; }

    /// <summary>Kind and permissions, as st_mode has them (inode(7)).</summary>
    public readonly ushort Mode { get; init; }

    /// <summary>Owner.</summary>
    public readonly uint Uid { get; init; }

    /// <summary>Group.</summary>
    public readonly uint Gid { get; init; }

    /// <summary>Last modification in seconds since 1970, may be negative.</summary>
    public readonly long ModifiedSeconds { get; init; }

    /// <summary>Part of a second beside <see cref="ModifiedSeconds"/>, from 0 to 999,999,999.</summary>
    public readonly uint ModifiedNanoseconds { get; init; }

    /// <summary>Number of the folder it is in; 0 for the root itself.</summary>
    public readonly int Parent { get; init; }

    /// <summary>Length of a file or of a link's target in bytes; 0 for others.</summary>
    public readonly long SizeBytes { get; init; }

    // Folder: first child. File: blob, or -1 if empty. Link: where its target begins among the names.
    internal readonly int First { get; init; }

    // Folder: number of children. Link: length of the target.
    internal readonly int Count { get; init; }

    /// <summary>The lowest number among the names of the same file (hard links); its own if it has one name.</summary>
    public readonly int Leader { get; init; }

    /// <summary>Number of names: hard links of a file, 2 + folders in it of a folder.</summary>
    public readonly int LinkCount { get; init; }

    // 1 + where its attributes begin among the attributes; 0 if it has none.
    internal readonly uint Attributes { get; init; }

    internal readonly uint Reserved { get; init; }

    /// <summary>Whether it is a folder.</summary>
    public bool IsDirectory => (Mode & NodeModes.KindMask) == NodeModes.Directory;

    /// <summary>Whether it is a regular file.</summary>
    public bool IsFile => (Mode & NodeModes.KindMask) == NodeModes.File;

    /// <summary>Whether it is a symbolic link.</summary>
    public bool IsLink => (Mode & NodeModes.KindMask) == NodeModes.Link;
}
