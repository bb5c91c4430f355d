using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Modal.Backend.Runner.Native;

/// <summary>unistd.h and fcntl.h: plain blocking descriptors. Retries EINTR here, so that nobody else has to.</summary>
internal static unsafe partial class Unistd
{
    private const int Eintr = 4;
    private const int OpenReadOnly = 0;
    private const int CloseOnExec = 0x80000;
    private const int LocalDomain = 1;
    private const int StreamKind = 1;
    private const int DuplicateCloseOnExec = 1030;

    /// <summary>Moves a descriptor to a free number that child processes do not inherit, and puts /dev/null where it was.</summary>
    /// <param name="descriptor">Number to free.</param>
    /// <returns>The new number.</returns>
    public static int TakeAway(int descriptor)
    {
        // From 10 up: user code that guesses small numbers should meet nothing.
        var moved = Check(fcntl(descriptor, DuplicateCloseOnExec, 10), "fcntl(F_DUPFD_CLOEXEC)");
        var nothing = Check(open("/dev/null", OpenReadOnly | CloseOnExec), "open(/dev/null)");
        Check(dup2(nothing, descriptor), "dup2");
        _ = close(nothing);
        return moved;
    }

    /// <summary>Two descriptors of this process, each the other end of the other.</summary>
    public static (int First, int Second) SocketPair()
    {
        var pair = stackalloc int[2];
        Check(socketpair(LocalDomain, StreamKind | CloseOnExec, 0, pair), "socketpair");
        return (pair[0], pair[1]);
    }

    /// <summary>Closes a descriptor.</summary>
    public static void Close(int descriptor) => _ = close(descriptor);

    /// <summary>Reads at most the span's length; zero means the other end is closed.</summary>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            while (true)
            {
                var count = read(descriptor, p, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (Marshal.GetLastPInvokeError() != Eintr)
                {
                    return 0;
                }
            }
        }
    }

    /// <summary>Writes all of it.</summary>
    /// <returns>False if the other end is closed.</returns>
    public static bool WriteAll(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var count = write(descriptor, p + done, (nuint)(bytes.Length - done));
                if (count >= 0)
                {
                    done += (int)count;
                }
                else if (Marshal.GetLastPInvokeError() != Eintr)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Ends the process at once: no handlers of user code run.</summary>
    public static void ExitNow(int status) => _exit(status);

    private static int Check(int result, string call) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError(), call + " failed");

    // man 2 socketpair
    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* sv);

    // man 2 read
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buf, nuint count);

    // man 2 write
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* buf, nuint count);

    // man 2 open
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags);

    // man 2 dup2
    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup2(int oldfd, int newfd);

    // man 2 fcntl
    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int cmd, int arg);

    // man 2 close
    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);

    // man 2 _exit
    [LibraryImport("libc")]
    private static partial void _exit(int status);
}
