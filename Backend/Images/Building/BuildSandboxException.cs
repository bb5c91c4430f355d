namespace Modal.Backend.Images.Building;

/// <summary>A step could not be run. The message says why and what to do.</summary>
public sealed class BuildSandboxException : Exception
{
    /// <summary>With that message.</summary>
    public BuildSandboxException(string message)
        : base(message)
    {
    }

    /// <summary>With that message and cause.</summary>
    public BuildSandboxException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
