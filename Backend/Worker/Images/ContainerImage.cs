using Modal.Backend.Worker.Sandboxes;

namespace Modal.Backend.Worker.Images;

/// <summary>A container's image, mounted. Disposing of it takes the mount away and ends its use.</summary>
internal sealed class ContainerImage(SandboxImage sandbox, ImageRoot root, Task prefetch, Func<Task>? keepTrace, IDisposable use) : IAsyncDisposable
{
    private Task _trace = Task.CompletedTask;

    /// <summary>What the sandbox has of it.</summary>
    public SandboxImage Sandbox => sandbox;

    /// <summary>The start is over: what it read is recorded, if another recording is wanted.</summary>
    public void OnStarted()
    {
        if (keepTrace is not null)
        {
            _trace = Task.Run(keepTrace);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Whatever became of them, the mount outlives them.
        await Task.WhenAll(prefetch, _trace).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await root.DisposeAsync();
        use.Dispose();
    }
}
