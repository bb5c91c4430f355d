namespace Modal;

/// <summary>How a container ended in the middle of an input.</summary>
public enum ContainerFailureReason
{
    /// <summary>User code ended the process (<c>Environment.Exit</c> or <c>exit(3)</c>).</summary>
    Exited,

    /// <summary>The process died of a signal: a segmentation fault, an abort, <c>Environment.FailFast</c>.</summary>
    Crashed,

    /// <summary>The stack overflowed.</summary>
    StackOverflow,

    /// <summary>The memory limit was reached.</summary>
    OutOfMemory,

    /// <summary>The container was lost through no fault of the user's code, more often than the platform tries again.</summary>
    Lost,
}
