using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>sys/epoll.h and sys/eventfd.h.</summary>
internal static unsafe partial class Epoll
{
    public const int EPOLL_CLOEXEC = 0x80000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;
    public const uint EPOLLIN = 1;
    public const uint EPOLLOUT = 4;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;

    // struct epoll_event is packed on x86-64 only.
    private static readonly bool s_packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>sizeof(struct epoll_event).</summary>
    public static int EventSize => s_packed ? 12 : 16;

    /// <summary>offsetof(struct epoll_event, data).</summary>
    public static int DataOffset => s_packed ? 4 : 8;

    /// <summary>A new epoll instance.</summary>
    public static Descriptor Create() => new(Errno.Check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));

    /// <summary>A counter that makes an epoll wait return.</summary>
    public static Descriptor CreateEvent() => new(Errno.Check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));

    /// <summary>Adds to the counter.</summary>
    public static void Signal(Descriptor counter)
    {
        ulong one = 1;
        _ = write(counter.Number, &one, sizeof(ulong));
    }

    /// <summary>Adds, changes or removes interest in a descriptor.</summary>
    /// <param name="epoll">The instance.</param>
    /// <param name="operation">EPOLL_CTL_*.</param>
    /// <param name="target">The descriptor.</param>
    /// <param name="events">EPOLLIN and EPOLLOUT.</param>
    /// <param name="key">Comes back with each event.</param>
    public static void Control(Descriptor epoll, int operation, Descriptor target, uint events, ulong key)
    {
        Span<byte> record = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(record, events);
        BinaryPrimitives.WriteUInt64LittleEndian(record[DataOffset..], key);
        fixed (byte* p = record)
        {
            Errno.Check(epoll_ctl(epoll.Number, operation, target.Number, p), "epoll_ctl");
        }
    }

    /// <summary>Waits for events.</summary>
    /// <returns>How many keys were written.</returns>
    public static int Wait(Descriptor epoll, Span<ulong> keys)
    {
        var size = EventSize;
        Span<byte> records = stackalloc byte[keys.Length * size];
        fixed (byte* p = records)
        {
            int count;
            while ((count = epoll_wait(epoll.Number, p, keys.Length, -1)) < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR)
            {
            }

            Errno.Check(count, "epoll_wait");
            for (var i = 0; i < count; i++)
            {
                keys[i] = BinaryPrimitives.ReadUInt64LittleEndian(records[(i * size + DataOffset)..]);
            }

            return count;
        }
    }

    // man 2 epoll_create1
    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    // man 2 epoll_ctl
    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int epfd, int op, int fd, byte* ev);

    // man 2 epoll_wait
    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(int epfd, byte* events, int maxevents, int timeout);

    // man 2 eventfd
    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initval, int flags);

    // man 2 write
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, void* buf, nuint count);
}
