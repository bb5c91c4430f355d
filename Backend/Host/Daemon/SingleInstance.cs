using System.Diagnostics;
using Modal.Backend.Host.Commands;

namespace Modal.Backend.Host.Daemon;

/// <summary>One host per state directory and role: whoever holds the lock. The system lets go of it when the process ends, however it ends.</summary>
internal sealed class SingleInstance : IDisposable
{
    // How long a process that was killed may take to die: with much memory, on a busy machine.
    private static readonly TimeSpan s_dying = TimeSpan.FromSeconds(10);

    private readonly HostOptions _options;
    private readonly FileStream _lock;

    private SingleInstance(HostOptions options, FileStream file) => (_options, _lock) = (options, file);

    private static string Name(HostOptions options) => options.Role == HostRole.Worker ? "worker" : "daemon";

    /// <summary>
    /// Null if another process has it and goes on. One that does not answer is just starting or just dying: whose connection broke may come back sooner than the
    /// kernel has let go of the lock. A worker answers nobody (on the socket beside it may be a server's), so it is always waited for.
    /// </summary>
    public static async Task<SingleInstance?> TakeAsync(HostOptions options, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (TryTake(options) is { } instance)
            {
                return instance;
            }

            if ((options.Role != HostRole.Worker && DaemonClient.Answers(options.Socket)) || Stopwatch.GetElapsedTime(start) > s_dying)
            {
                return null;
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>Null if another process has it.</summary>
    public static SingleInstance? TryTake(HostOptions options)
    {
        try
        {
            // FileShare.None is flock(2) on Linux.
            var file = new FileStream(Path.Combine(options.StateDirectory, Name(options) + ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (options.Role != HostRole.Worker)
            {
                // Left by a process that was killed; with the lock held nobody listens on it.
                File.Delete(options.Socket);
            }

            return new SingleInstance(options, file);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Writes the pid file: the process serves.</summary>
    public void Announce() => File.WriteAllText(PidFile, $"{Environment.ProcessId}\n");

    /// <summary>Writes a last line to the log, for a failure before or beside logging.</summary>
    public void Record(string reason)
    {
        var folder = Path.Combine(_options.StateDirectory, "logs");
        Directory.CreateDirectory(folder);
        File.AppendAllText(Path.Combine(folder, Name(_options) + ".log"), reason + Environment.NewLine);
    }

    public void Dispose()
    {
        File.Delete(PidFile);
        _lock.Dispose();
    }

    private string PidFile => Path.Combine(_options.StateDirectory, Name(_options) + ".pid");
}
