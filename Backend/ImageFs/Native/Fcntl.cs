using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>fcntl.h.</summary>
internal static partial class Fcntl
{
    public const int O_RDONLY = 0;
    public const int O_RDWR = 2;
    public const int O_CLOEXEC = 0x80000;

    /// <summary>Opens a file; child processes do not inherit it.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be opened.</exception>
    public static Descriptor Open(string path, int flags) => new(Errno.Check(open(path, flags | O_CLOEXEC), $"Opening {path}"));

    /// <summary>As <see cref="Open"/>; null if it cannot be opened.</summary>
    public static Descriptor? TryOpen(string path, int flags) => open(path, flags | O_CLOEXEC) is var number and >= 0 ? new Descriptor(number) : null;

    // man 2 open
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags);
}
