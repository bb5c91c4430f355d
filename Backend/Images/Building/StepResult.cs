namespace Modal.Backend.Images.Building;

/// <summary>What came of a step. Disposing of it removes its files.</summary>
/// <param name="failed">Position of the command that failed; -1 if none did.</param>
/// <param name="exitCode">Its exit code, 128 + n for signal n.</param>
/// <param name="reason">Not empty if it was ended from outside: why.</param>
/// <param name="upperFolder">What the commands changed, as overlayfs keeps it.</param>
/// <param name="cleanUp">Removes it.</param>
public sealed class StepResult(int failed, int exitCode, string reason, string upperFolder, Action cleanUp) : IDisposable
{
    /// <summary>Position of the command that failed; -1 if none did.</summary>
    public int Failed => failed;

    /// <summary>Exit code of the command that failed, 128 + n for signal n.</summary>
    public int ExitCode => exitCode;

    /// <summary>Not empty if the command was ended from outside: why.</summary>
    public string Reason => reason;

    /// <summary>What the commands changed, as overlayfs keeps it.</summary>
    public string UpperFolder => upperFolder;

    /// <inheritdoc/>
    public void Dispose() => cleanUp();
}
