using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>sys/socket.h: a pair of stream sockets that carries bytes and descriptors.</summary>
internal static unsafe partial class Socket
{
    public const int AF_UNIX = 1;
    public const int SOCK_STREAM = 1;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int SHUT_WR = 1;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;

    /// <summary>The most descriptors that go with one message here; the kernel's limit is 253.</summary>
    public const int MaxDescriptors = 32;

    /// <summary>Two connected stream sockets that child processes do not inherit.</summary>
    public static (Descriptor Ours, Descriptor Theirs) Pair()
    {
        var ends = stackalloc int[2];
        Errno.Check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>Sends all of the bytes; the descriptors come with the first of them.</summary>
    /// <returns>False if the other end is gone.</returns>
    public static bool Send(Descriptor socket, ReadOnlySpan<byte> bytes, ReadOnlySpan<int> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors);
        var control = stackalloc byte[ControlHeader.Align(sizeof(ControlHeader)) + (MaxDescriptors * sizeof(int))];
        fixed (byte* start = bytes)
        {
            for (var sent = 0; sent < bytes.Length;)
            {
                var part = new IoVector { Base = start + sent, Length = (nuint)(bytes.Length - sent) };
                var message = new MessageHeader { Vectors = &part, VectorCount = 1 };
                if (sent == 0 && !descriptors.IsEmpty)
                {
                    var header = (ControlHeader*)control;
                    *header = new ControlHeader
                    {
                        Length = (nuint)(ControlHeader.Align(sizeof(ControlHeader)) + (descriptors.Length * sizeof(int))),
                        Level = SOL_SOCKET,
                        Type = SCM_RIGHTS,
                    };
                    descriptors.CopyTo(new Span<int>(control + ControlHeader.Align(sizeof(ControlHeader)), descriptors.Length));
                    message.Control = control;
                    message.ControlLength = header->Length;
                }

                var count = sendmsg(socket.Number, &message, MSG_NOSIGNAL);
                if (count >= 0)
                {
                    sent += (int)count;
                }
                else if (Marshal.GetLastPInvokeError() != Errno.EINTR)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Waits for bytes, as many as are asked for.</summary>
    /// <param name="socket">Where from.</param>
    /// <param name="buffer">Filled.</param>
    /// <param name="descriptors">Those that came with the bytes are added.</param>
    /// <returns>False at the end.</returns>
    public static bool Receive(Descriptor socket, Span<byte> buffer, List<Descriptor> descriptors)
    {
        var control = stackalloc byte[ControlHeader.Align(sizeof(ControlHeader)) + (MaxDescriptors * sizeof(int))];
        fixed (byte* start = buffer)
        {
            for (var received = 0; received < buffer.Length;)
            {
                var part = new IoVector { Base = start + received, Length = (nuint)(buffer.Length - received) };
                var message = new MessageHeader
                {
                    Vectors = &part,
                    VectorCount = 1,
                    Control = control,
                    ControlLength = (nuint)(ControlHeader.Align(sizeof(ControlHeader)) + (MaxDescriptors * sizeof(int))),
                };
                var count = recvmsg(socket.Number, &message, MSG_CMSG_CLOEXEC);
                if (count > 0)
                {
                    received += (int)count;
                    Take(in message, descriptors);
                }
                else if (count == 0 || Marshal.GetLastPInvokeError() != Errno.EINTR)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>The other end reads the end; what it sends still comes.</summary>
    public static void EndSending(Descriptor socket) => _ = shutdown(socket.Number, SHUT_WR);

    private static void Take(in MessageHeader message, List<Descriptor> descriptors)
    {
        // One set of descriptors comes with a message, since the sender gives one.
        var header = (ControlHeader*)message.Control;
        if (message.ControlLength < (nuint)sizeof(ControlHeader) || header->Level != SOL_SOCKET || header->Type != SCM_RIGHTS)
        {
            return;
        }

        var count = (int)(header->Length - (nuint)ControlHeader.Align(sizeof(ControlHeader))) / sizeof(int);
        foreach (var number in new ReadOnlySpan<int>((byte*)header + ControlHeader.Align(sizeof(ControlHeader)), count))
        {
            descriptors.Add(new Descriptor(number));
        }
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct cmsghdr; the data follow it aligned.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;

        public static int Align(int length) => (length + IntPtr.Size - 1) & ~(IntPtr.Size - 1);
    }

    // man 2 socketpair
    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* sv);

    // man 2 sendmsg
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(int sockfd, MessageHeader* msg, int flags);

    // man 2 recvmsg
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(int sockfd, MessageHeader* msg, int flags);

    // man 2 shutdown
    [LibraryImport("libc", SetLastError = true)]
    private static partial int shutdown(int sockfd, int how);
}
