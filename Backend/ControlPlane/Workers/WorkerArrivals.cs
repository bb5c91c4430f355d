using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Workers;

/// <summary>Workers that register, for those who want to know how containers run here or need a worker now.</summary>
internal sealed class WorkerArrivals
{
    // A daemon that has just started has no worker yet, and one that starts again is away for some seconds: whoever needs one should not be told "none".
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(10);

    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile RegisterWorker? _latest;

    public RegisterWorker? Latest => _latest;

    public void Add(RegisterWorker worker)
    {
        _latest = worker;
        Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    /// <summary>Looks for something that a worker brings, now and whenever one registers.</summary>
    /// <param name="find">Gives null while it is not there.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Null if it was not there in time.</returns>
    public async Task<T?> FindAsync<T>(Func<T?> find, CancellationToken cancellationToken)
        where T : class
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_wait);
        while (true)
        {
            var next = Volatile.Read(ref _next).Task;
            if (find() is { } found)
            {
                return found;
            }

            await next.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (!next.IsCompleted)
            {
                return null;
            }
        }
    }
}
