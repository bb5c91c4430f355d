namespace Modal.Backend.Worker.Sandboxes;

/// <summary>How a sandbox ended.</summary>
/// <param name="ExitCode">Exit code of the process inside; null if it died of a signal or is not known.</param>
/// <param name="Signal">Signal that the process inside died of; 0 if none.</param>
/// <param name="OutOfMemory">It went over its memory limit.</param>
/// <param name="FromOutside">The sandbox itself was killed by someone else.</param>
internal sealed record SandboxExit(int? ExitCode, int Signal, bool OutOfMemory, bool FromOutside);
