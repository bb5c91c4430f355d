using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Workers;

/// <summary>The last worker that registered, for those who want to know how containers run here.</summary>
internal sealed class WorkerArrivals
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RegisterWorker? _latest;

    public RegisterWorker? Latest => _latest;

    public void Add(RegisterWorker worker)
    {
        _latest = worker;
        _first.TrySetResult();
    }

    /// <summary>Waits for the first worker; null if none came in time.</summary>
    public async Task<RegisterWorker?> FirstAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        await _first.Task.WaitAsync(limit, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _latest;
    }
}
