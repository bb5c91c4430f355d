using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Modal.Backend.Host.Logging;

/// <summary>
/// Writes the log to a file; at 10 MiB the file becomes "….1", replacing the one before. Callers never wait for the disk: lines queue, and beyond 10,000 the oldest
/// are dropped, since a log that stops the work it describes is worse than a gap in it.
/// </summary>
internal sealed class FileLoggerProvider : ILoggerProvider
{
    private const long MaxBytes = 10 * 1024 * 1024;

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest });
    private readonly string _path;
    private readonly Task _write;

    public FileLoggerProvider(string path)
    {
        _path = path;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _write = Task.Run(WriteAsync);
    }

    public ILogger CreateLogger(string categoryName) => new FileLogger(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void Dispose()
    {
        _lines.Writer.TryComplete();
        _write.Wait(TimeSpan.FromSeconds(2));
    }

    private async Task WriteAsync()
    {
        var file = new StreamWriter(_path, append: true);
        try
        {
            while (await _lines.Reader.WaitToReadAsync())
            {
                while (_lines.Reader.TryRead(out var line))
                {
                    await file.WriteLineAsync(line);
                }

                await file.FlushAsync();
                if (file.BaseStream.Length > MaxBytes)
                {
                    await file.DisposeAsync();
                    File.Move(_path, _path + ".1", overwrite: true);
                    file = new StreamWriter(_path, append: true);
                }
            }
        }
        catch (IOException)
        {
            // A full disk: the process goes on without its log rather than not at all.
        }
        finally
        {
            await file.DisposeAsync();
        }
    }

    private sealed class FileLogger(FileLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = $"{DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm:ss.fff} {logLevel,-11} {category}[{eventId.Id}] {formatter(state, exception)}";
            provider._lines.Writer.TryWrite(exception is null ? text : $"{text}{Environment.NewLine}{exception}");
        }
    }
}
