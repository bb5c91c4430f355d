using Modal.Backend.ImageFs;
using Modal.Backend.ImageFs.Tracing;

namespace Modal.Backend.Worker.Images;

/// <summary>An image's root file system for one user. Disposing of it takes the mount away.</summary>
/// <param name="path">Where it is.</param>
/// <param name="mount">Null if it is unpacked: then it stays for others.</param>
internal sealed class ImageRoot(string path, IImageMount? mount) : IAsyncDisposable
{
    /// <summary>The root file system, which its user must not change.</summary>
    public string Path => path;

    /// <summary>Whether what is read can be known.</summary>
    public bool IsTraced => mount is not null;

    /// <summary>Fetches what a start will read; all of it is there if it is unpacked.</summary>
    public Task PrefetchAsync(AccessTrace trace) => mount?.PrefetchAsync(trace) ?? Task.CompletedTask;

    /// <summary>What was read since it was mounted; once, and not if it is not traced.</summary>
    public Task<AccessTrace> StopTraceAsync() => mount?.StopTraceAsync() ?? throw new InvalidOperationException("The image is not mounted.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (mount is null)
        {
            return;
        }

        await mount.DisposeAsync();
        try
        {
            Directory.Delete(mount.Path);
        }
        catch (IOException)
        {
            // Still in use by a dying process; the next start of the worker removes it.
        }
    }
}
