using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>unistd.h: blocking reads and writes of a device, by the threads that do nothing else.</summary>
internal static unsafe partial class Unistd
{
    public const int SEEK_END = 2;

    /// <summary>Waits for a message and reads it. A signal does not end it.</summary>
    /// <returns>Bytes read; 0 at the end; the negative errno.</returns>
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

                var error = Marshal.GetLastPInvokeError();
                if (error != Errno.EINTR)
                {
                    return -error;
                }
            }
        }
    }

    /// <summary>Writes a message with one call.</summary>
    /// <returns>0; the negative errno.</returns>
    public static int Write(Descriptor descriptor, ReadOnlySpan<byte> message)
    {
        fixed (byte* p = message)
        {
            while (true)
            {
                if (write(descriptor.Number, p, (nuint)message.Length) >= 0)
                {
                    return 0;
                }

                var error = Marshal.GetLastPInvokeError();
                if (error != Errno.EINTR)
                {
                    return -error;
                }
            }
        }
    }

    /// <summary>Length of a file in bytes; -1 if it has none.</summary>
    public static long GetLength(Descriptor file) => lseek(file.Number, 0, SEEK_END);

    /// <summary>Whether this process runs as root.</summary>
    public static bool IsRoot => geteuid() == 0;

    // man 2 read
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buf, nuint count);

    // man 2 write
    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* buf, nuint count);

    // man 2 lseek
    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);

    // man 2 geteuid
    [LibraryImport("libc")]
    private static partial uint geteuid();
}
