using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Modal.Backend.Store.Native;

/// <summary>Calls that .NET's file API lacks, with names as bytes: open(2), statx(2), getdents64(2), readlink(2), xattr(7).</summary>
internal static unsafe partial class Files
{
    public const int ENOENT = 2;
    public const int ENOTDIR = 20;
    public const int ELOOP = 40;
    public const int EOPNOTSUPP = 95;
    public const int ERANGE = 34;
    public const int O_RDONLY = 0;
    public const int O_DIRECTORY = 0x10000;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_BASIC_STATS = 0x7FF;

    /// <summary>Opens a file or folder.</summary>
    /// <param name="path">Ends with a zero.</param>
    /// <param name="flags">O_RDONLY and others of this class; close-on-exec is added.</param>
    /// <exception cref="IOException">It cannot be opened; the message says which and why.</exception>
    public static SafeFileHandle Open(ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* p = path)
        {
            var descriptor = open(p, flags | O_CLOEXEC);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed("open", path);
        }
    }

    /// <summary>Reads what is known of a file, not following a link.</summary>
    /// <param name="path">Ends with a zero.</param>
    /// <exception cref="IOException">It cannot be read; the message says which and why.</exception>
    public static FileStatus Status(ReadOnlySpan<byte> path)
    {
        fixed (byte* p = path)
        {
            FileStatus status;
            return statx(AT_FDCWD, p, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 ? status : throw Failed("statx", path);
        }
    }

    /// <summary>Reads what is known of a file in an open folder, not following a link.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">A name in it, with a zero at the end.</param>
    /// <exception cref="IOException">It cannot be read; the message says which and why.</exception>
    public static FileStatus Status(SafeFileHandle folder, ReadOnlySpan<byte> name)
    {
        fixed (byte* p = name)
        {
            FileStatus status;
            return statx((int)folder.DangerousGetHandle(), p, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 ? status : throw Failed("statx", name);
        }
    }

    /// <summary>The names in a folder but "." and "..", in the order of the file system.</summary>
    /// <param name="path">Ends with a zero.</param>
    /// <exception cref="IOException">It cannot be read; the message says which and why.</exception>
    public static List<byte[]> List(ReadOnlySpan<byte> path)
    {
        using var folder = Open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        return List(folder, path);
    }

    /// <summary>The names in an open folder that was not read yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">Its path, for the message.</param>
    /// <exception cref="IOException">It cannot be read; the message says which and why.</exception>
    public static List<byte[]> List(SafeFileHandle folder, ReadOnlySpan<byte> path)
    {
        var names = new List<byte[]>();
        var buffer = new byte[64 * 1024];
        fixed (byte* b = buffer)
        {
            while (true)
            {
                var length = getdents64((int)folder.DangerousGetHandle(), b, (nuint)buffer.Length);
                if (length < 0)
                {
                    throw Failed("getdents64", path);
                }

                if (length == 0)
                {
                    return names;
                }

                // struct linux_dirent64: u64 inode, s64 offset, u16 length of the record, u8 type, the name with a zero.
                for (var at = 0; at < length; at += *(ushort*)(b + at + 16))
                {
                    var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(b + at + 19);
                    if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                    {
                        names.Add(name.ToArray());
                    }
                }
            }
        }
    }

    /// <summary>Target of a symbolic link.</summary>
    /// <param name="path">Ends with a zero.</param>
    /// <exception cref="IOException">It cannot be read; the message says which and why.</exception>
    public static byte[] ReadLink(ReadOnlySpan<byte> path)
    {
        var buffer = stackalloc byte[4096];
        fixed (byte* p = path)
        {
            var length = readlink(p, buffer, 4096);
            return length >= 0 ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray() : throw Failed("readlink", path);
        }
    }

    /// <summary>Names and values of a file's extended attributes, not following a link.</summary>
    /// <param name="path">Ends with a zero.</param>
    /// <exception cref="IOException">They cannot be read; the message says which and why.</exception>
    public static List<(byte[] Name, byte[] Value)> Attributes(ReadOnlySpan<byte> path)
    {
        var found = new List<(byte[], byte[])>();
        var names = stackalloc byte[4096];
        fixed (byte* p = path)
        {
            var length = llistxattr(p, names, 4096);
            if (length < 0)
            {
                return Marshal.GetLastPInvokeError() == EOPNOTSUPP ? found : throw Failed("llistxattr", path);
            }

            for (byte* name = names, end = names + length; name < end;)
            {
                var bytes = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
                var size = lgetxattr(p, name, null, 0);
                if (size >= 0)
                {
                    var value = new byte[size];
                    fixed (byte* v = value)
                    {
                        if (lgetxattr(p, name, v, (nuint)size) != size)
                        {
                            throw Failed("lgetxattr", path);
                        }
                    }

                    found.Add((bytes.ToArray(), value));
                }

                name += bytes.Length + 1;
            }
        }

        return found;
    }

    private static IOException Failed(string call, ReadOnlySpan<byte> path)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{Encoding.UTF8.GetString(path).TrimEnd('\0')}: {call}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(int directory, byte* path, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getdents64(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint readlink(byte* path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint llistxattr(byte* path, byte* list, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint lgetxattr(byte* path, byte* name, byte* value, nuint size);
}
