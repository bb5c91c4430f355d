using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>Decides when clients are shown new numbers: when they changed, at most every 100 ms; a new reason to wait at once.</summary>
internal sealed class StatsReporter
{
    private const long IntervalMs = 100;

    private FunctionStats? _shown;
    private long _shownAtMs = long.MinValue / 2;

    public static FunctionStats Measure(FunctionCore core, string waitingReason) => new()
    {
        ContainersReady = core.ReadyContainers,
        ContainersStarting = core.StartingContainers,
        InputsQueued = core.Queued,
        InputsRunning = core.Running,
        WaitingReason = waitingReason,
    };

    /// <summary>Somebody new looks: the next call reports.</summary>
    public void Reset() => _shown = null;

    /// <param name="core">What to measure.</param>
    /// <param name="waitingReason">As in <see cref="FunctionStats"/>.</param>
    /// <param name="now">The time in milliseconds.</param>
    /// <param name="againMs">When to ask again because something changed too soon after the last report.</param>
    /// <returns>What to send, if anything.</returns>
    public FunctionStats? Next(FunctionCore core, string waitingReason, long now, out long? againMs)
    {
        againMs = null;
        if (_shown is not null && _shown.ContainersReady == core.ReadyContainers && _shown.ContainersStarting == core.StartingContainers
            && _shown.InputsQueued == core.Queued && _shown.InputsRunning == core.Running && _shown.WaitingReason == waitingReason)
        {
            return null;
        }

        if (_shown is not null && now - _shownAtMs < IntervalMs && (waitingReason.Length == 0 || waitingReason == _shown.WaitingReason))
        {
            againMs = _shownAtMs + IntervalMs;
            return null;
        }

        _shownAtMs = now;
        return _shown = Measure(core, waitingReason);
    }
}
