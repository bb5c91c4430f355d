using System.Runtime.InteropServices;

namespace Modal.Backend.Store.Native;

/// <summary>struct statx of statx(2), which is the same on all processors.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal readonly struct FileStatus
{
    /// <summary>Hard links.</summary>
    [field: FieldOffset(16)]
    public uint LinkCount { get; }

    /// <summary>Owner.</summary>
    [field: FieldOffset(20)]
    public uint Uid { get; }

    /// <summary>Group.</summary>
    [field: FieldOffset(24)]
    public uint Gid { get; }

    /// <summary>Kind and permissions.</summary>
    [field: FieldOffset(28)]
    public ushort Mode { get; }

    /// <summary>Number in its file system.</summary>
    [field: FieldOffset(32)]
    public ulong Inode { get; }

    /// <summary>Length.</summary>
    [field: FieldOffset(40)]
    public long SizeBytes { get; }

    /// <summary>Last change of content or attributes, which no program can set.</summary>
    [field: FieldOffset(96)]
    public long ChangedSeconds { get; }

    /// <summary>Beside <see cref="ChangedSeconds"/>.</summary>
    [field: FieldOffset(104)]
    public uint ChangedNanoseconds { get; }

    /// <summary>Last modification.</summary>
    [field: FieldOffset(112)]
    public long ModifiedSeconds { get; }

    /// <summary>Beside <see cref="ModifiedSeconds"/>.</summary>
    [field: FieldOffset(120)]
    public uint ModifiedNanoseconds { get; }

    /// <summary>Of a device.</summary>
    [field: FieldOffset(128)]
    public uint DeviceMajor { get; }

    /// <summary>Of a device.</summary>
    [field: FieldOffset(132)]
    public uint DeviceMinor { get; }

    /// <summary>The file system it is in.</summary>
    [field: FieldOffset(136)]
    public ulong FileSystem { get; }
}
