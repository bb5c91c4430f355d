using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>unistd.h and fcntl.h: pipes, non-blocking reads, hard links.</summary>
internal static unsafe partial class Unistd
{
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int O_DIRECTORY = 0x10000;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_PATH = 0x200000;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;

    /// <summary>A pipe whose ends child processes do not inherit.</summary>
    public static (Descriptor Read, Descriptor Write) Pipe()
    {
        var ends = stackalloc int[2];
        Errno.Check(pipe2(ends, O_CLOEXEC), "pipe2");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>/dev/null for reading: always at its end.</summary>
    public static Descriptor OpenNull() => new(Errno.Check(open("/dev/null", O_CLOEXEC), "open(/dev/null)"));

    /// <summary>A folder, as a place that stays the same whatever becomes of its name.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">It is none, or a link.</exception>
    public static Descriptor OpenFolder(string path) => new(Errno.Check(open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), $"open({path})"));

    /// <summary>Reads and writes on it return at once from now on.</summary>
    public static void SetNonBlocking(Descriptor descriptor)
    {
        var flags = Errno.Check(fcntl(descriptor.Number, F_GETFL, 0), "fcntl(F_GETFL)");
        Errno.Check(fcntl(descriptor.Number, F_SETFL, flags | O_NONBLOCK), "fcntl(F_SETFL)");
    }

    /// <summary>Reads what is there.</summary>
    /// <returns>Bytes read; 0 at the end; -1 when nothing is there now.</returns>
    public static int Read(Descriptor descriptor, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            while (true)
            {
                var count = read(descriptor.Number, p, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Errno.EINTR:
                        break;
                    case Errno.EAGAIN:
                        return -1;
                    default:
                        // A reset socket has nothing more to say, as a closed one.
                        return 0;
                }
            }
        }
    }

    /// <summary>Gives a file or link another name, in place of what has it. .NET's own asks what a link leads to.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Rename(string from, string to) => Errno.Check(rename(from, to), $"Renaming {from} to {to}");

    /// <summary>Another name for a file, or a copy of it where the file system cannot.</summary>
    public static void LinkOrCopy(string existing, string name)
    {
        if (link(existing, name) != 0)
        {
            File.Copy(existing, name);
        }
    }

    /// <summary>Whether this process runs as root.</summary>
    public static bool IsRoot => geteuid() == 0;

    // man 2 open
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    // man 2 pipe2
    [LibraryImport("libc", SetLastError = true)]
    private static partial int pipe2(int* pipefd, int flags);

    // man 2 fcntl
    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int cmd, int arg);

    // man 2 read
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buf, nuint count);

    // man 2 link
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string oldpath, string newpath);

    // man 2 geteuid
    [LibraryImport("libc")]
    private static partial uint geteuid();

    // man 2 rename
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string oldpath, string newpath);
}
