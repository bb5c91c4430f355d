using Modal.Runtime;

namespace Modal;

/// <summary>A service's instance in this process, made and entered at the first local call, exited when disposed. Used by generated code. Safe for many threads.</summary>
/// <typeparam name="T">The service's class.</typeparam>
/// <param name="create">Makes the instance.</param>
/// <param name="enter">Run in order after it is made.</param>
/// <param name="exit">Run in order when it is disposed.</param>
public sealed class LocalService<T>(Func<T> create, IReadOnlyList<LifecycleHook> enter, IReadOnlyList<LifecycleHook> exit) : IAsyncDisposable
    where T : class
{
    private readonly Lock _gate = new();
    private Task<T>? _instance;

    /// <summary>The instance. If making or entering it fails, each call gets that failure.</summary>
    public Task<T> GetAsync()
    {
        lock (_gate)
        {
            return _instance ??= EnterAsync();
        }
    }

    /// <summary>Runs the exit hooks if the instance was made and entered.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<T>? instance;
        lock (_gate)
        {
            instance = _instance;
            _instance = null;
        }

        if (instance is null || await instance.ContinueWith(static t => !t.IsCompletedSuccessfully, TaskScheduler.Default).ConfigureAwait(false))
        {
            return;
        }

        var service = await instance.ConfigureAwait(false);
        foreach (var hook in exit)
        {
            await hook.Invoke(service, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<T> EnterAsync()
    {
        var service = create();
        foreach (var hook in enter.OrderByDescending(h => h.Snapshot))
        {
            await hook.Invoke(service, CancellationToken.None).ConfigureAwait(false);
        }

        return service;
    }
}
