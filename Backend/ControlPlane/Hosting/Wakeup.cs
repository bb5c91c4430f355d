using Microsoft.Extensions.Logging;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>
/// One alarm of a grain. The grain's own timers run on the machine's clock; this one runs on the clock that a test may turn. It rings at the earliest time asked
/// for, once.
/// </summary>
internal sealed class Wakeup : IDisposable
{
    private readonly Clock _clock;
    private readonly ITimer _timer;
    private long _due = long.MaxValue;

    public Wakeup(Clock clock, Func<Task> ring, ILogger logger)
    {
        _clock = clock;
        _timer = clock.Time.CreateTimer(
            _ =>
            {
                // Timers may ring a millisecond early: who rings before the time would find nothing to do and never be asked again.
                if (Interlocked.Read(ref _due) is var due && due != long.MaxValue && due > clock.NowMs)
                {
                    Arm(due);
                    return;
                }

                Interlocked.Exchange(ref _due, long.MaxValue);
                _ = logger.WatchAsync(ring());
            },
            null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Rings at that time or before it; null asks for nothing. Called by one thread at a time.</summary>
    public void SetFor(long? dueMs)
    {
        if (dueMs is { } due && due < Interlocked.Read(ref _due))
        {
            Interlocked.Exchange(ref _due, due);
            Arm(due);
        }
    }

    private void Arm(long due) => _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, due - _clock.NowMs)), Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();
}
