using Microsoft.Extensions.Logging;

namespace Modal.Backend.ImageFs.Server;

/// <summary>Loggers of the server process: all the same one.</summary>
internal sealed class ErrorOutputLoggers : ILoggerFactory
{
    private readonly ErrorOutputLogger _logger = new();

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => _logger;

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The server logs to its standard error only.");

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
