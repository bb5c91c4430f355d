using Modal.Backend.ImageFs;
using Modal.Backend.ImageFs.Tracing;

namespace Modal.Backend.Worker.Images;

/// <summary>An image mounted for one user. Disposing of it takes the mount away.</summary>
internal sealed class ImageRoot(IImageMount mount) : IAsyncDisposable
{
    /// <summary>The root file system, read-only.</summary>
    public string Path => mount.Path;

    /// <summary>Fetches what a start will read.</summary>
    public Task PrefetchAsync(AccessTrace trace) => mount.PrefetchAsync(trace);

    /// <summary>What was read since it was mounted; once.</summary>
    public Task<AccessTrace> StopTraceAsync() => mount.StopTraceAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
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
