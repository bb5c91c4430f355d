namespace Modal.Backend.ImageFs.Protocol;

/// <summary>Constants of linux/fuse.h.</summary>
internal static class FuseConstants
{
    public const uint Major = 7;

    /// <summary>The newest minor version whose structs are known here.</summary>
    public const uint Minor = 45;

    /// <summary>The oldest that can be served: 7.31 (Linux 5.4), the first that knows MAX_PAGES, CACHE_SYMLINKS and NO_OPENDIR_SUPPORT.</summary>
    public const uint OldestMinor = 31;

    /// <summary>FUSE_ROOT_ID.</summary>
    public const ulong RootId = 1;

    /// <summary>FUSE_MIN_READ_BUFFER: a read of the device with less room fails with EINVAL.</summary>
    public const int MinReadBuffer = 8192;

    public const uint FOPEN_KEEP_CACHE = 1 << 1;
    public const uint FOPEN_CACHE_DIR = 1 << 3;
    public const uint FOPEN_PASSTHROUGH = 1 << 7;

    /// <summary>FUSE_NOTIFY_RESEND, since 7.40: the kernel sends every request again that it has no answer to.</summary>
    public const int NotifyResend = 7;
}
