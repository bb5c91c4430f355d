using Microsoft.Extensions.Logging;

namespace Modal.Backend.ImageFs.Server;

/// <summary>Lines on standard error, which is the supervisor's. The process logs only what is wrong, so there is nothing to configure.</summary>
internal sealed class ErrorOutputLogger : ILogger
{
    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Console.Error.WriteLine(exception is null
                ? $"imagefs {logLevel} {eventId.Id}: {formatter(state, exception)}"
                : $"imagefs {logLevel} {eventId.Id}: {formatter(state, exception)}: {exception}");
        }
    }
}
