using Modal.Backend.ControlPlane.Functions;

namespace Modal.Backend.ControlPlane.Scaling;

/// <summary>
/// How many containers one function should have: enough for what arrives, and to work off what waits in about the time that one more container would need to help. Knows no clock: every
/// operation gets the time in milliseconds, never falling.
/// </summary>
internal sealed class Autoscaler
{
    // Short enough to follow a change of load within seconds, long enough that a pause between two requests is not one.
    private const double ArrivalWindowMs = 10_000;

    // A backlog that is worked off within this is not worth another start, which takes about that long even where it is quick.
    private const double MinDrainMs = 1_000;

    // While nobody knows how long an input takes, the number may double with each of these in which inputs run without a result: ten containers for ten slow inputs in a fifth of a second,
    // and one for inputs of microseconds, whose first result comes before.
    private const long RunningDoublingMs = 50;

    // Where even the start is slow nothing runs yet; then waiting is reason enough.
    private const long WaitingDoublingMs = 500;

    // Inputs that suddenly take far longer than those before: nothing came back for so long that it is no pause of the machine.
    private const long StallMs = 500;

    // As in ServiceTime: a few starts carry the average.
    private const double StartWeight = 0.3;

    // What was wanted within the last window: falling numbers with the time until which each was wanted.
    private readonly List<(long UntilMs, int Containers)> _peaks = [];
    private double _arrivals;
    private long _arrivalsAtMs;
    private long? _activeAtMs;
    private bool _hadInputs;
    private int _wanted;

    /// <summary>Measured time from a container's place on a worker until it takes inputs; zero while unknown.</summary>
    public double StartMs { get; private set; }

    /// <summary>New inputs came.</summary>
    public void OnArrivals(int inputs, long now)
    {
        _arrivals = ArrivalsAt(now) + inputs;
        _arrivalsAtMs = now;
    }

    /// <summary>A container became ready after this time.</summary>
    public void OnStarted(long startMs) => StartMs = StartMs == 0 ? Math.Max(1, startMs) : StartMs + (StartWeight * (startMs - StartMs));

    /// <summary>Remembers what is wanted now; call it whenever the load may have changed.</summary>
    public void Observe(FunctionSettings settings, in ScalingLoad load, long now)
    {
        if (load.Inputs > 0 || _hadInputs)
        {
            _activeAtMs = now;
        }

        _hadInputs = load.Inputs > 0;

        while (_peaks.Count > 0 && _peaks[0].UntilMs + settings.ScaledownWindowMs <= now)
        {
            _peaks.RemoveAt(0);
        }

        if (_wanted > 0)
        {
            Remember(_wanted, now);
        }

        _wanted = Needed(settings, load, now);
        if (_wanted > 0)
        {
            Remember(_wanted, now);
        }
    }

    /// <summary>How many there should be now: what is missing is started at once.</summary>
    /// <returns>From <see cref="FunctionSettings.MinContainers"/> to <see cref="FunctionSettings.MaxContainers"/>.</returns>
    public int Desired(FunctionSettings settings, in ScalingLoad load, long now) => Bounded(settings, Needed(settings, load, now), load, now);

    /// <summary>How many are kept although they are idle: the most that was wanted within the scaledown window.</summary>
    /// <returns>At least <see cref="Desired"/>, and at most the maximum.</returns>
    public int Kept(FunctionSettings settings, in ScalingLoad load, long now)
    {
        var kept = Needed(settings, load, now);
        foreach (var (until, containers) in _peaks)
        {
            kept = until + settings.ScaledownWindowMs > now ? Math.Max(kept, containers) : kept;
        }

        return Bounded(settings, kept, load, now);
    }

    /// <summary>What was wanted until now does not count any more: idle containers are needed elsewhere.</summary>
    public void Forget()
    {
        _peaks.Clear();
        (_activeAtMs, _wanted) = (null, 0);
    }

    /// <summary>When more may be wanted although nothing happens; null if only an event can change that.</summary>
    public static long? NextRise(FunctionSettings settings, in ScalingLoad load, int desired, long now)
    {
        if (load.Queued == 0 || desired >= Math.Min(settings.MaxContainers, Useful(settings, load)))
        {
            return null;
        }

        if (!load.IsServiceKnown)
        {
            var waiting = Next(load.WaitingSinceMs, WaitingDoublingMs, now);
            return load.BusySinceMs is { } busy ? Math.Min(waiting, Next(busy, RunningDoublingMs, now)) : waiting;
        }

        return load.ProgressMs is { } progress ? Next(progress, StallMs, now) : null;
    }

    /// <summary>When buffer containers are no longer wanted; null if there are none, or if something has to happen before.</summary>
    public long? BufferEnd(FunctionSettings settings, in ScalingLoad load, long now) =>
        settings.BufferContainers > 0 && load.Inputs == 0 && _activeAtMs + settings.ScaledownWindowMs is { } end && end > now ? end : null;

    private static long Next(long since, long step, long now) => since + ((((now - since) / step) + 1) * step);

    private static int Useful(FunctionSettings settings, in ScalingLoad load) => (int)Math.Min(int.MaxValue / 2, ((long)load.Inputs + settings.InputsPerContainer - 1) / settings.InputsPerContainer);

    private int Bounded(FunctionSettings settings, int needed, in ScalingLoad load, long now)
    {
        var isActive = load.Inputs > 0 || _activeAtMs + settings.ScaledownWindowMs > now;
        var wanted = needed + (isActive ? settings.BufferContainers : 0L);
        return (int)Math.Max(Math.Min(settings.MinContainers, settings.MaxContainers), Math.Min(wanted, settings.MaxContainers));
    }

    private int Needed(FunctionSettings settings, in ScalingLoad load, long now)
    {
        if (load.Inputs == 0)
        {
            return 0;
        }

        var serviceMs = load.ServiceUs / 1_000;
        if (load.ProgressMs is { } progress && now - progress >= StallMs)
        {
            serviceMs = Math.Max(serviceMs, now - progress);
        }

        if (settings.IsSingleUse && serviceMs > 0)
        {
            // Each input costs a start too.
            serviceMs += StartMs;
        }

        // Little's law: what arrives while one input runs, runs at the same time.
        var forArrivals = load.IsServiceKnown ? Math.Round(ArrivalsAt(now) / ArrivalWindowMs * serviceMs / settings.InputsPerContainer) : 0;
        var useful = Useful(settings, load);
        var toDrain = serviceMs > 0 ? Math.Ceiling(load.Inputs * serviceMs / (settings.InputsPerContainer * Math.Max(StartMs, MinDrainMs))) : useful;
        var needed = Math.Max(Math.Min(useful, toDrain), forArrivals);
        if (!load.IsServiceKnown)
        {
            var doublings = Math.Max((now - load.WaitingSinceMs) / WaitingDoublingMs, load.BusySinceMs is { } busy ? (now - busy) / RunningDoublingMs : 0);
            needed = Math.Min(needed, 1 << (int)Math.Min(doublings, 30));
        }

        // Containers that serve one input are not there for the next: one is made ready while the others run.
        var ahead = settings.IsSingleUse ? load.Running + (load.Queued > 0 ? 1 : 0) : 1;
        return (int)Math.Min(Math.Max(needed, ahead), int.MaxValue / 2);
    }

    private double ArrivalsAt(long now) => _arrivals * Math.Exp((_arrivalsAtMs - now) / ArrivalWindowMs);

    private void Remember(int containers, long now)
    {
        while (_peaks.Count > 0 && _peaks[^1].Containers <= containers)
        {
            _peaks.RemoveAt(_peaks.Count - 1);
        }

        _peaks.Add((now, containers));
    }
}
