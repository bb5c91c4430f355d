using Modal.Backend.ImageFs.Tracing;

namespace Modal.Backend.ImageFs;

/// <summary>A mounted image. Disposing of it takes it from the tree of files; who still uses a file in it goes on.</summary>
public interface IImageMount : IAsyncDisposable
{
    /// <summary>Where it is mounted.</summary>
    string Path { get; }

    /// <summary>
    /// Ends the recording that began with the mount. Pages that the kernel had already, because the image is mounted elsewhere too, are not in it; and if the server had
    /// to be replaced, only what was read since.
    /// </summary>
    /// <exception cref="InvalidOperationException">It was ended before.</exception>
    /// <exception cref="IOException">The server does not answer.</exception>
    Task<AccessTrace> StopTraceAsync();

    /// <summary>Fetches what a start will read, in that order. Ends when all that can be had is here. Never needed: reads fetch what they need.</summary>
    /// <param name="trace">Of the same image; of another it is ignored.</param>
    Task PrefetchAsync(AccessTrace trace);
}
