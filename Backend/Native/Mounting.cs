using System.Runtime.InteropServices;

namespace Modal.Backend.Native;

/// <summary>sys/mount.h.</summary>
internal static partial class Mounting
{
    public const ulong MS_RDONLY = 1;
    public const ulong MS_NOSUID = 2;
    public const ulong MS_NODEV = 4;
    public const ulong MS_REMOUNT = 32;
    public const ulong MS_NOATIME = 1024;
    public const ulong MS_BIND = 4096;
    public const ulong MS_REC = 16384;
    public const ulong MS_PRIVATE = 1 << 18;
    public const ulong MS_SHARED = 1 << 20;
    public const int MNT_DETACH = 2;
    public const int UMOUNT_NOFOLLOW = 8;

    /// <summary>Attaches a file system.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be attached.</exception>
    public static void Mount(string source, string target, string? type, ulong flags, string? data) =>
        Errno.Check(mount(source, target, type, (nuint)flags, data), $"Mounting {source} at {target}");

    /// <summary>Takes it from the tree of files at once; who uses it goes on. False if nothing is mounted there.</summary>
    public static bool TryDetach(string target) => umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;

    // man 2 mount
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string? filesystemtype, nuint mountflags, string? data);

    // man 2 umount2
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int umount2(string target, int flags);
}
