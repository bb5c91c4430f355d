namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>
/// A clock that stands still until the next event. Timers, awaited tasks and events of the code under it run on the caller's thread in an order that only the program decides.
/// </summary>
internal sealed class SimulatedTime : TimeProvider
{
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();
    private long _order;

    public SimulatedTime() => Context = new PostingContext(_posted);

    public long NowMs { get; private set; }

    /// <summary>Events that have run.</summary>
    public long Events { get; private set; }

    public SynchronizationContext Context { get; }

    public override long TimestampFrequency => 1_000;

    public override long GetTimestamp() => NowMs;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMilliseconds(NowMs);

    public void After(long delayMs, Action action) => _events.Enqueue(action, (NowMs + Math.Max(0, delayMs), ++_order));

    /// <summary>A task that ends after the delay.</summary>
    public Task DelayAsync(long delayMs)
    {
        var done = new TaskCompletionSource();
        After(delayMs, done.SetResult);
        return done.Task;
    }

    /// <summary>Runs the next event and all that follows from it at once.</summary>
    /// <returns>False if there is none at or before the time.</returns>
    public bool Step(long untilMs)
    {
        RunPosted();
        if (!_events.TryPeek(out var action, out var when) || when.At > untilMs)
        {
            NowMs = Math.Max(NowMs, untilMs);
            return false;
        }

        _events.Dequeue();
        NowMs = when.At;
        Events++;
        action();
        RunPosted();
        return true;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void RunPosted()
    {
        while (_posted.TryDequeue(out var posted))
        {
            posted.Callback(posted.State);
        }
    }

    private sealed class PostingContext(Queue<(SendOrPostCallback Callback, object? State)> posted) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => posted.Enqueue((d, state));

        public override void Send(SendOrPostCallback d, object? state) => d(state);

        public override SynchronizationContext CreateCopy() => this;
    }

    private sealed class Timer(SimulatedTime time, TimerCallback callback, object? state) : ITimer
    {
        private int _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                time.After((long)Math.Ceiling(dueTime.TotalMilliseconds), () =>
                {
                    if (version == _version)
                    {
                        callback(state);
                    }
                });
            }

            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
