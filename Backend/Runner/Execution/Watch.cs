using System.Diagnostics;
using Modal.Backend.Runner.Channel;
using Modal.Protocol;

namespace Modal.Backend.Runner.Execution;

/// <summary>
/// The thread that looks after what the fast path leaves undone: starts and output not yet written, inputs stuck behind a long one, a reader busy with user code, heartbeats.
/// Ticks only around activity: a container that is idle, or whose inputs only run on, wakes once per heartbeat.
/// </summary>
internal sealed class Watch(Executor executor, Outgoing outgoing, ReadingRole reading) : IDisposable
{
    /// <summary>Time between signs of life.</summary>
    public static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(10);

    // A caller that calls in sequence comes back within this; falling asleep between its calls would cost a wake-up in each.
    private static readonly TimeSpan s_stayAwake = TimeSpan.FromSeconds(1);

    private readonly ManualResetEventSlim _wake = new(initialState: false, spinCount: 0);
    private readonly Stopwatch _sinceActivity = Stopwatch.StartNew();
    private volatile bool _asleep;
    private volatile bool _activity;

    /// <summary>Something begins that may need looking after.</summary>
    public void Wake()
    {
        _activity = true;
        if (_asleep)
        {
            _wake.Set();
        }
    }

    /// <summary>Body of the thread; never returns.</summary>
    public void Run()
    {
        var sinceHeartbeat = Stopwatch.StartNew();
        while (true)
        {
            if (_activity || executor.HasWaiting || outgoing.HasPending)
            {
                _activity = false;
                _sinceActivity.Restart();
            }

            if (_sinceActivity.Elapsed < s_stayAwake)
            {
                Thread.Sleep(s_tick);
            }
            else
            {
                Sleep(HeartbeatInterval - sinceHeartbeat.Elapsed);
            }

            if (executor.ReturnIfHeldLong())
            {
                reading.HandOver();
            }

            if (outgoing.HasPending || executor.HasUnreportedStart)
            {
                outgoing.FlushSoon();
            }

            if (sinceHeartbeat.Elapsed >= HeartbeatInterval)
            {
                sinceHeartbeat.Restart();
                outgoing.Append(new RunnerFrame { Heartbeat = new RunnerHeartbeat { ManagedMemoryBytes = GC.GetTotalMemory(forceFullCollection: false) } });
                outgoing.FlushSoon();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();

    private void Sleep(TimeSpan time)
    {
        _wake.Reset();
        _asleep = true;
        if (!_activity && time > TimeSpan.Zero)
        {
            _wake.Wait(time);
        }

        _asleep = false;
    }
}
