namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>
/// Hands over whatever has arrived, one batch at a time: what comes while a batch is handled is the next. Posting never waits and is for any thread; how much may pile up is bounded by those who
/// post, who wait for their answers.
/// </summary>
/// <param name="handle">Handles a batch. It must not throw: what goes wrong belongs to who posted.</param>
internal sealed class BatchPump<T>(Func<IReadOnlyList<T>, Task> handle)
{
    private readonly Lock _gate = new();
    private List<T> _waiting = [];
    private bool _isRunning;

    /// <summary>Ends when what was posted before has been handled.</summary>
    public Task Idle { get; private set; } = Task.CompletedTask;

    public void Post(T item)
    {
        lock (_gate)
        {
            _waiting.Add(item);
            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
        }

        Idle = RunAsync();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            List<T> batch;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isRunning = false;
                    return;
                }

                (batch, _waiting) = (_waiting, []);
            }

            await handle(batch);
        }
    }
}
