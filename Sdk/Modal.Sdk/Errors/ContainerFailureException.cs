namespace Modal;

/// <summary>The container died while it ran the input; <see cref="Reason"/> says of what.</summary>
public sealed class ContainerFailureException : ModalException
{
    internal ContainerFailureException(string message, ContainerFailureReason reason, int exitCode, string containerId, string errorOutput)
        : base(message)
    {
        Reason = reason;
        ExitCode = exitCode;
        ContainerId = containerId;
        ErrorOutput = errorOutput;
    }

    /// <summary>What it died of.</summary>
    public ContainerFailureReason Reason { get; }

    /// <summary>Exit status for <see cref="ContainerFailureReason.Exited"/>, signal number for <see cref="ContainerFailureReason.Crashed"/>, else 0.</summary>
    public int ExitCode { get; }

    /// <summary>The container, <c>ta-…</c>; empty if not known.</summary>
    public string ContainerId { get; }

    /// <summary>The last lines the process wrote to its stderr; empty if none.</summary>
    public string ErrorOutput { get; }
}
