using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>How a process ended.</summary>
/// <param name="ExitCode">Its exit code, if it ended by itself.</param>
/// <param name="Signal">The signal that ended it, else 0.</param>
internal readonly record struct ProcessEnd(int ExitCode, int Signal);

/// <summary>sys/wait.h, sys/pidfd.h, signal.h, sys/prctl.h: watching, signalling and reaping processes.</summary>
internal static unsafe partial class Wait
{
    public const int P_PID = 1;
    public const int P_PIDFD = 3;
    public const int WNOHANG = 1;
    public const int WEXITED = 4;
    public const int CLD_EXITED = 1;
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int PR_SET_CHILD_SUBREAPER = 36;

    // siginfo_t: si_code at 8, si_pid at 16 (the union is aligned to 8), si_status at 24; 128 bytes. The same on x86-64 and arm64.
    public const int SiginfoSize = 128;
    public const int SiginfoCodeOffset = 8;
    public const int SiginfoPidOffset = 16;
    public const int SiginfoStatusOffset = 24;

    // asm/unistd.h: the same numbers on every architecture (added after the tables were unified).
    public const long SYS_pidfd_send_signal = 424;
    public const long SYS_pidfd_open = 434;

    /// <summary>A descriptor that becomes readable when the process ends; null if there is no such process.</summary>
    public static Descriptor? OpenProcess(int pid)
    {
        var number = syscall(SYS_pidfd_open, pid, 0, 0, 0);
        return number < 0 ? null : new Descriptor((int)number);
    }

    /// <summary>Sends a signal to exactly the process that was opened, not to one that got its number later.</summary>
    public static void Kill(Descriptor process, int signal) => _ = syscall(SYS_pidfd_send_signal, process.Number, signal, 0, 0);

    /// <summary>Sends a signal by number.</summary>
    public static void Kill(int pid, int signal) => _ = kill(pid, signal);

    /// <summary>
    /// Takes the end of a process whose descriptor has become readable. Waits for it: newer kernels wake those who poll a moment before the end can be taken.
    /// </summary>
    /// <returns>Null if it is not our child.</returns>
    public static ProcessEnd? Reap(Descriptor process) => Reap(P_PIDFD, process.Number, WEXITED);

    /// <summary>Takes the end of a child if it has ended.</summary>
    /// <returns>Null if it has not ended or is not our child.</returns>
    public static ProcessEnd? TryReap(int pid) => Reap(P_PID, pid, WEXITED | WNOHANG);

    /// <summary>Orphaned descendants become our children, so that their ends can be read and no zombie stays.</summary>
    public static void BecomeSubreaper() => Errno.Check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)");

    private static ProcessEnd? Reap(int idType, int id, int options)
    {
        var info = stackalloc byte[SiginfoSize];
        new Span<byte>(info, SiginfoSize).Clear();
        int result;
        while ((result = waitid(idType, (uint)id, info, options)) < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR)
        {
        }

        if (result < 0 || *(int*)(info + SiginfoPidOffset) == 0)
        {
            return null;
        }

        var status = *(int*)(info + SiginfoStatusOffset);
        return *(int*)(info + SiginfoCodeOffset) == CLD_EXITED ? new ProcessEnd(status, 0) : new ProcessEnd(-1, status);
    }

    // man 2 syscall
    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, long a, long b, long c, long d);

    // man 2 kill
    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int sig);

    // man 2 waitid
    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitid(int idtype, uint id, byte* infop, int options);

    // man 2 prctl
    [LibraryImport("libc", SetLastError = true)]
    private static partial int prctl(int option, ulong arg2, ulong arg3, ulong arg4, ulong arg5);
}
