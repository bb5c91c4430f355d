namespace Modal.Backend.Host;

/// <summary>Exit codes of the host program.</summary>
public enum ExitCode
{
    /// <summary>Done; also when another process serves the state directory already.</summary>
    Success = 0,

    /// <summary>It failed; the message says why.</summary>
    Failure = 1,

    /// <summary>Nothing was running where something was to be stopped or shown.</summary>
    NotRunning = 3,

    /// <summary>Apps run, and the stop was not forced.</summary>
    Busy = 4,

    /// <summary>A check found damage, and did not repair it.</summary>
    Damaged = 5,
}
