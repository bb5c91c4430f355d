namespace Modal.Backend.Worker.Sandboxes;

/// <summary>A sandbox could not be started.</summary>
internal sealed class SandboxStartException : Exception
{
    public SandboxStartException(string message)
        : base(message)
    {
    }

    public SandboxStartException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public SandboxStartException()
    {
    }
}
