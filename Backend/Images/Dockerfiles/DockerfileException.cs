namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A Dockerfile that cannot be built. The message has the line and says what to do.</summary>
public sealed class DockerfileException(int line, string message) : Exception($"Dockerfile, line {line}: {message}")
{
    /// <summary>From 1.</summary>
    public int Line { get; } = line;
}
