using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Images;

/// <summary>What a build's step works in: an overlay over its parent's files. The upper folder has what the step changed.</summary>
internal sealed class StepFolder : IDisposable
{
    private readonly string _folder;
    private bool _mounted;

    /// <exception cref="System.ComponentModel.Win32Exception">The overlay cannot be mounted.</exception>
    public StepFolder(string builds, string id, string lower)
    {
        _folder = Path.Combine(builds, id);
        var work = Path.Combine(_folder, "work");
        foreach (var folder in new[] { Upper, work, Merged })
        {
            Directory.CreateDirectory(folder);
        }

        // The root of what containers see: its mode is the image's, not this process's mask.
        File.SetUnixFileMode(Upper, File.GetUnixFileMode(lower));
        Mounts.Overlay(lower, Upper, work, Merged);
        _mounted = true;
    }

    /// <summary>What was changed.</summary>
    public string Upper => Path.Combine(_folder, "upper");

    /// <summary>What the step sees as its root.</summary>
    public string Merged => Path.Combine(_folder, "merged");

    /// <summary>Takes away what earlier processes left.</summary>
    public static void CleanUp(string builds)
    {
        if (!Directory.Exists(builds))
        {
            return;
        }

        foreach (var point in Mounts.Below(builds))
        {
            Mounts.Unmount(point);
        }

        foreach (var folder in Directory.EnumerateDirectories(builds))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Ends the overlay; the upper folder is complete then.</summary>
    public void Unmount()
    {
        if (_mounted)
        {
            _mounted = false;
            Mounts.Unmount(Merged);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unmount();
        Directory.Delete(_folder, recursive: true);
    }
}
