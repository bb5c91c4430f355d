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

    /// <summary>The next line about a function; taken away, with those before it.</summary>
    /// <param name="of">The function, or "the runner".</param>
    public async Task<string> NextAsync(string of = "Test.Frozen")
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var line = await _lines.Reader.ReadAsync(limit.Token);
            if (line.Contains(of, StringComparison.Ordinal))
            {
                return line;
            }
        }
    }
}
