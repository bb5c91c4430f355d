using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>sys/socket.h: the pair of sockets between worker and runner.</summary>
internal static unsafe partial class Socket
{
    public const int AF_UNIX = 1;
    public const int SOCK_STREAM = 1;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SHUT_RDWR = 2;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;

    /// <summary>Two connected stream sockets that child processes do not inherit.</summary>
    public static (Descriptor Ours, Descriptor Theirs) Pair()
    {
        var ends = stackalloc int[2];
        Errno.Check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>Sends what the socket takes without waiting.</summary>
    /// <returns>Bytes taken; 0 when it is full; -1 when the other end is gone.</returns>
    public static int Send(Descriptor socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            while (true)
            {
                var count = send(socket.Number, p, (nuint)bytes.Length, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (count >= 0)
                {
                    return (int)count;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Errno.EINTR:
                        break;
                    case Errno.EAGAIN:
                        return 0;
                    default:
                        return -1;
                }
            }
        }
    }

    /// <summary>Ends both directions; the other end reads the end.</summary>
    public static void Shutdown(Descriptor socket) => _ = shutdown(socket.Number, SHUT_RDWR);

    // man 2 shutdown
    [LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(int sockfd, int how);

    // man 2 socketpair
    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* sv);

    // man 2 send
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint send(int sockfd, byte* buf, nuint len, int flags);
}
