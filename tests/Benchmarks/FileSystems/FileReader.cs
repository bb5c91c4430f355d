using System.Runtime.InteropServices;
using System.Text;

namespace Modal.Benchmarks.FileSystems;

/// <summary>open(2), read(2) and close(2) and nothing else: the framework's files make more calls, which would hide what is measured.</summary>
internal static unsafe partial class FileReader
{
    private const int O_CLOEXEC = 0x80000;

    /// <summary>Names as the calls take them.</summary>
    public static byte[][] Names(IEnumerable<string> paths) => [.. paths.Select(p => Encoding.UTF8.GetBytes(p + "\0"))];

    /// <summary>Opens, reads to the end and closes.</summary>
    /// <returns>Bytes read.</returns>
    public static long Read(byte[] name, Span<byte> buffer)
    {
        fixed (byte* n = name)
        fixed (byte* b = buffer)
        {
            var file = open(n, O_CLOEXEC);
            if (file < 0)
            {
                throw new IOException($"{Encoding.UTF8.GetString(name)}: errno {Marshal.GetLastPInvokeError()}");
            }

            long total = 0;
            nint count;
            while ((count = read(file, b, (nuint)buffer.Length)) > 0)
            {
                total += count;
                if (count < buffer.Length)
                {
                    break;
                }
            }

            _ = close(file);
            return count < 0 ? throw new IOException($"{Encoding.UTF8.GetString(name)}: errno {Marshal.GetLastPInvokeError()}") : total;
        }
    }

    /// <summary>Empties the kernel's caches of clean pages, names and inodes.</summary>
    public static void DropCaches() => Drop("3");

    /// <summary>Empties the kernel's caches of names and inodes, with the pages of those; files that are open keep theirs.</summary>
    public static void DropInodes() => Drop("2");

    private static void Drop(string what)
    {
        sync();
        File.WriteAllText("/proc/sys/vm/drop_caches", what);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int open(byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    [LibraryImport("libc")]
    private static partial void sync();
}
