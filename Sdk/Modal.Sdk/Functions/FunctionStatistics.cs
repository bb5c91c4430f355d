namespace Modal;

/// <summary>What the server last said about a function's containers.</summary>
/// <param name="ContainersReady">Containers that take inputs.</param>
/// <param name="ContainersStarting">Containers on their way.</param>
/// <param name="InputsQueued">Inputs that no container has.</param>
/// <param name="InputsRunning">Inputs that containers have.</param>
/// <param name="WaitingReason">Why nothing runs although inputs wait; null if all is well.</param>
public sealed record FunctionStatistics(int ContainersReady, int ContainersStarting, long InputsQueued, long InputsRunning, string? WaitingReason);
