using Modal.Backend.Worker.Sandboxes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>Explains why a container is gone.</summary>
internal static class Death
{
    private const int Sigabrt = 6;
    private const int Sigsegv = 11;

    /// <summary>What is known when a process has ended that nobody asked to end.</summary>
    /// <param name="Exit">How the sandbox ended.</param>
    /// <param name="AnnouncedExitCode">What managed code said it would exit with; null if it said nothing.</param>
    /// <param name="Stderr">What it last printed.</param>
    /// <param name="MemoryMiB">Its limit.</param>
    internal sealed record Evidence(SandboxExit Exit, int? AnnouncedExitCode, StderrTail Stderr, long MemoryMiB);

    /// <summary>The failure, without the container's id.</summary>
    public static Failure Explain(Evidence evidence)
    {
        var (exit, announced, stderr, memory) = evidence;
        var tail = stderr.ToString();
        if (exit.OutOfMemory)
        {
            return new Failure
            {
                Kind = FailureKind.OutOfMemory,
                Message = $"The container went over its memory limit of {memory} MiB and was killed. Raise MemoryMiB or allocate less.",
                StderrTail = tail,
            };
        }

        if (exit.FromOutside)
        {
            return new Failure { Kind = FailureKind.Lost, Message = $"The container was killed from outside by {Name(exit.Signal)}.", StderrTail = tail };
        }

        if (stderr.SawStackOverflow && exit.Signal is Sigabrt or Sigsegv)
        {
            return new Failure { Kind = FailureKind.StackOverflow, Message = "The process died of a stack overflow: a method calls itself too deeply.", StderrTail = tail };
        }

        if (exit.Signal != 0)
        {
            return new Failure { Kind = FailureKind.Crashed, ExitCode = exit.Signal, Message = $"The process crashed with {Name(exit.Signal)}.", StderrTail = tail };
        }

        if ((announced ?? exit.ExitCode) is { } code)
        {
            return new Failure { Kind = FailureKind.Exited, ExitCode = code, Message = $"The code ended its process with exit code {code}.", StderrTail = tail };
        }

        return new Failure { Kind = FailureKind.Lost, Message = "The container disappeared; how it ended is not known.", StderrTail = tail };
    }

    private static string Name(int signal) => signal switch
    {
        4 => "SIGILL (illegal instruction)",
        Sigabrt => "SIGABRT (it aborted itself: an unhandled exception, FailFast or abort)",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        Sigsegv => "SIGSEGV (access to memory it does not have)",
        15 => "SIGTERM",
        _ => $"signal {signal}",
    };
}
