using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Workers;

/// <summary>The last worker that registered, for those who want to know how containers run here.</summary>
internal sealed class WorkerArrivals
{
    // A daemon that has just started may have no worker yet; whoever needs one should not be told "none".
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RegisterWorker? _latest;

    public RegisterWorker? Latest => _latest;

    public void Add(RegisterWorker worker)
    {
        _latest = worker;
        _first.TrySetResult();
    }

    /// <summary>Waits for the first worker; null if none came in time.</summary>
    public async Task<RegisterWorker?> FirstAsync(CancellationToken cancellationToken)
    {
        await _first.Task.WaitAsync(s_wait, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _latest;
    }
}
