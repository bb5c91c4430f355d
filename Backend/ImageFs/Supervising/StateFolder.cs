using Microsoft.Extensions.Logging;

namespace Modal.Backend.ImageFs.Supervising;

/// <summary>The folder where connections are mounted. Of one supervisor at a time: its lock is gone when its process is.</summary>
internal sealed class StateFolder : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    /// <summary>Takes it; made if it is not there.</summary>
    /// <exception cref="IOException">Another supervisor has it.</exception>
    public StateFolder(string path)
    {
        _path = Path.GetFullPath(path);
        Directory.CreateDirectory(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            _lock = new FileStream(Path.Combine(_path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new IOException($"The folder {_path} is used by another process that mounts images; give each its own {nameof(ImageFsOptions.StateFolder)}.", exception);
        }
    }

    /// <summary>What mounts of this folder have as their source: by that they are found again.</summary>
    public string Source => SourceOf(_path);

    /// <summary>A folder to mount a connection at.</summary>
    public string MakeMountPoint(long connection)
    {
        var path = Path.Combine(MountsOf(_path), $"{connection}");
        Directory.CreateDirectory(path);
        return path;
    }

    /// <summary>Takes all mounts of this folder from the tree of files, wherever they are.</summary>
    /// <param name="logger">Told of each; null if they are no surprise.</param>
    public void RemoveMounts(ILogger? logger) => RemoveMounts(_path, logger);

    /// <summary>As above, of a folder that nobody has.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="logger">Told of each; null if they are no surprise.</param>
    public static void RemoveMounts(string path, ILogger? logger)
    {
        var source = SourceOf(path);
        foreach (var entry in MountTable.Read().Reverse().Where(e => e.Type == FuseMounting.Type && e.Source == source))
        {
            if (Mounting.TryDetach(entry.Path) && logger is not null)
            {
                Log.MountRemoved(logger, entry.Path);
            }
        }

        var mounts = MountsOf(path);
        foreach (var folder in Directory.Exists(mounts) ? Directory.GetDirectories(mounts) : [])
        {
            TryDelete(folder);
        }
    }

    /// <summary>Unmounts a connection's own mount.</summary>
    public static void RemoveMount(string path)
    {
        Mounting.TryDetach(path);
        TryDelete(path);
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static string SourceOf(string path) => $"modal:{Path.GetFullPath(path)}";

    private static string MountsOf(string path) => Path.Combine(path, "mounts");

    private static void TryDelete(string path)
    {
        try
        {
            Directory.Delete(path);
        }
        catch (IOException)
        {
            // Still mounted, or gone; the next start removes what is left.
        }
    }
}
