using Modal.Backend.ImageFs.Tracing;

namespace Modal.Backend.ImageFs.Supervising;

/// <summary>A caller's mount: a bind mount of a connection.</summary>
internal sealed class ImageMount(ImageFsSupervisor supervisor, Connection connection, string path, long traceId) : IImageMount
{
    private int _isDisposed;

    /// <inheritdoc/>
    public string Path => path;

    /// <inheritdoc/>
    public Task<AccessTrace> StopTraceAsync() => supervisor.StopTraceAsync(connection, traceId);

    /// <inheritdoc/>
    public Task PrefetchAsync(AccessTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return trace.ImageId == connection.ImageId ? supervisor.PrefetchAsync(connection, trace) : Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await supervisor.UnmountAsync(connection, path, traceId);
        }
    }
}
