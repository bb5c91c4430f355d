namespace Modal.Backend.Host.Daemon;

/// <summary>One host per state directory and role: whoever holds the lock. The system lets go of it when the process ends, however it ends.</summary>
internal sealed class SingleInstance : IDisposable
{
    private readonly HostOptions _options;
    private readonly FileStream _lock;

    private SingleInstance(HostOptions options, FileStream file) => (_options, _lock) = (options, file);

    private static string Name(HostOptions options) => options.Role == HostRole.Worker ? "worker" : "daemon";

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
