namespace Modal.Backend.Images.Building;

/// <summary>A layer could not be made.</summary>
internal sealed class LayerFailedException(string message, string command = "", int exitCode = 0, string outputTail = "") : Exception(message)
{
    public string Command { get; } = command;

    public int ExitCode { get; } = exitCode;

    public string OutputTail { get; } = outputTail;
}
