using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Snapshots;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>What the worker says about snapshots.</summary>
internal sealed class SnapshotLog : ILogger<SnapshotService>
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Writer.TryWrite(formatter(state, exception));

    /// <summary>The next line; taken away.</summary>
    public async Task<string> NextAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _lines.Reader.ReadAsync(limit.Token);
    }
}
