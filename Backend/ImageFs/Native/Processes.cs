using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>sys/wait.h, sys/pidfd.h, signal.h: ending and reaping a child.</summary>
internal static unsafe partial class Processes
{
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;

    // asm/unistd.h: the same numbers on every architecture (added after the tables were unified).
    public const long SYS_pidfd_send_signal = 424;
    public const long SYS_pidfd_open = 434;

    /// <summary>A descriptor that names exactly this process, also when its number is used again; null if there is none.</summary>
    public static Descriptor? Open(int pid) => syscall(SYS_pidfd_open, pid, 0, 0, 0) is var number and >= 0 ? new Descriptor((int)number) : null;

    /// <summary>Sends a signal. Nothing happens if the process has ended.</summary>
    public static void Signal(Descriptor process, int signal) => _ = syscall(SYS_pidfd_send_signal, process.Number, signal, 0, 0);

    /// <summary>Waits until a child has ended, and takes its end.</summary>
    /// <returns>As wait(2) gives it; -1 if something else in this process took it before.</returns>
    public static int Reap(int pid)
    {
        int status;
        while (waitpid(pid, &status, 0) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Errno.EINTR)
            {
                return -1;
            }
        }

        return status;
    }

    // man 2 syscall
    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, long a, long b, long c, long d);

    // man 2 waitpid
    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* wstatus, int options);
}
