using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Images;

namespace Modal.Backend.Worker.Tests.Images;

/// <summary>Keeps what is logged.</summary>
internal sealed class UpkeepLog : ILogger<StoreUpkeep>
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue((logLevel, formatter(state, exception)));
}
