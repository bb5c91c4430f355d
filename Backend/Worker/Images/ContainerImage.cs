using Modal.Backend.Worker.Sandboxes;

namespace Modal.Backend.Worker.Images;

/// <summary>A container's image, mounted. Disposing of it takes the mount away and ends its use.</summary>
/// <param name="sandbox">What the sandbox has of it.</param>
/// <param name="root">Its mount.</param>
/// <param name="prefetch">Fetches what the start will read.</param>
/// <param name="keepTrace">Keeps what the start read; null if no other recording is wanted.</param>
/// <param name="use">Keeps it from being collected.</param>
/// <param name="time">Says how long a start may take.</param>
internal sealed class ContainerImage(SandboxImage sandbox, ImageRoot root, Task prefetch, Func<Task>? keepTrace, IDisposable use, TimeProvider time) : IAsyncDisposable
{
    // What is read long after the start belongs to the work, not to the start.
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _trace = Task.CompletedTask;

    /// <summary>What the sandbox has of it.</summary>
    public SandboxImage Sandbox => sandbox;

    /// <summary>The container takes inputs. Its first one still belongs to the start: much is loaded only when it is used.</summary>
    public void OnReady()
    {
        if (keepTrace is not null)
        {
            _trace = KeepAsync(keepTrace);
        }
    }

    /// <summary>An input has an outcome: the start is over.</summary>
    public void OnOutcome() => _first.TrySetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _first.TrySetResult();

        // Whatever became of them, the mount outlives them.
        await Task.WhenAll(prefetch, _trace).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await root.DisposeAsync();
        use.Dispose();
    }

    private async Task KeepAsync(Func<Task> keep)
    {
        await _first.Task.WaitAsync(s_startLimit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await keep();
    }
}
