using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Native;

/// <summary>Calls that make files, with names as bytes that end with a zero. No link is followed. Each throws an <see cref="IOException"/> that names the file and the reason.</summary>
internal static unsafe partial class NewFiles
{
    private const int O_WRONLY = 1;
    private const int O_CREAT = 0x40;
    private const int O_EXCL = 0x80;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const uint OwnerOnly = 0b110_000_000;

    public static void Folder(byte[] path) => Call("mkdir", path, mkdir(path, OwnerOnly | 0b001_000_000));

    public static void Link(byte[] path, byte[] target) => Call("symlink", path, symlink(target, path));

    public static void HardLink(byte[] path, byte[] existing) => Call("link", path, link(existing, path));

    public static void Fifo(byte[] path) => Call("mknod", path, mknod(path, NodeModes.Fifo | OwnerOnly, 0));

    /// <summary>An empty file.</summary>
    public static void Empty(byte[] path) => Open(path, O_WRONLY | O_CREAT | O_EXCL).Dispose();

    public static SafeFileHandle OpenToWrite(byte[] path) => Open(path, O_WRONLY);

    /// <summary>Sets owner, permissions, attributes and time, in the order in which none undoes another.</summary>
    public static void Describe(byte[] path, ImageIndex index, int node)
    {
        ref readonly var info = ref index.GetNode(node);
        Call("lchown", path, lchown(path, info.Uid, info.Gid));
        foreach (var attribute in index.GetAttributes(node))
        {
            Call("lsetxattr", path, lsetxattr(path, [.. attribute.Name.Span, 0], attribute.Value.ToArray(), (nuint)attribute.Value.Length, 0));
        }

        if (!info.IsLink)
        {
            Call("chmod", path, chmod(path, info.Mode & 0xFFFu));
        }

        var times = stackalloc long[4];
        (times[0], times[1], times[2], times[3]) = (info.ModifiedSeconds, info.ModifiedNanoseconds, info.ModifiedSeconds, info.ModifiedNanoseconds);
        Call("utimensat", path, utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
    }

    private static SafeFileHandle Open(byte[] path, int flags)
    {
        var descriptor = open(path, flags | Files.O_NOFOLLOW | O_CLOEXEC, OwnerOnly);
        Call("open", path, descriptor);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    private static void Call(string call, byte[] path, int result)
    {
        if (result < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new IOException($"{Encoding.UTF8.GetString(path).TrimEnd('\0')}: {call}: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte[] path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mkdir(byte[] path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mknod(byte[] path, uint mode, ulong device);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int symlink(byte[] target, byte[] path);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int link(byte[] existing, byte[] path);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int lchown(byte[] path, uint uid, uint gid);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int chmod(byte[] path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int utimensat(int directory, byte[] path, long* times, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int lsetxattr(byte[] path, byte[] name, byte[] value, nuint size, int flags);
}
