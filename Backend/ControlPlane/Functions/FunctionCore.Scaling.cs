using Modal.Backend.ControlPlane.Scaling;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>How many containers there should be, and what is done about it.</content>
internal sealed partial class FunctionCore
{
    private readonly Autoscaler _scaler = new();
    private long _demandSinceMs;
    private bool _hadDemand;
    private long _busySinceMs;
    private long _progressMs;

    private ScalingLoad Load(long now)
    {
        // What waits for its next attempt needs a container when that comes, which is seldom far.
        var soon = _delayed.TryPeek(out _, out var due) && due - now <= LookAgainMs ? 1 : 0;
        return new ScalingLoad
        {
            Queued = _queued + _suspects.Count + Math.Min(soon, _delayedCount),
            Running = _running,
            ServiceUs = _service.MeanUs,
            IsServiceKnown = _service.IsKnown || (_settings.IsSingleUse && _service.MeanUs > 0),
            WaitingSinceMs = _hadDemand ? _demandSinceMs : now,
            BusySinceMs = _running > 0 ? _busySinceMs : null,
            ProgressMs = _running > 0 ? _progressMs : null,
        };
    }

    private void Scale(long now)
    {
        var load = Load(now);
        if (!_hadDemand && load.Inputs > 0)
        {
            _demandSinceMs = now;
        }

        _hadDemand = load.Inputs > 0;
        _scaler.Observe(_settings, load, now);
        var desired = WithReplacements(_scaler.Desired(_settings, load, now), load, now);
        // Those told to stop still use their worker's resources: without counting them a function could hold twice its maximum.
        var have = _containers.Count - _stopping - _outdated;
        for (; have < desired && _containers.Count - _outdated < _settings.MaxContainers && now >= StartsBlockedUntil(); have++)
        {
            var container = new ContainerState(_newContainerId(), now);
            _containers.Add(container.Id, container);
            _actions.RequestContainer(container);
        }

        // The maximum was lowered.
        for (; have > _settings.MaxContainers && _idle.First is { } idle; have--)
        {
            StopOne(idle.Value, s_idleGrace, $"more than the maximum of {_settings.MaxContainers}");
        }

        if (have > desired && Starting > 0)
        {
            WithdrawStarts(have, desired, load, now);
        }

        RetireOutdated(desired);
    }

    // What no worker has yet goes as soon as nothing is left to do. What is being started costs less to finish than to start again for the next burst.
    private void WithdrawStarts(int have, int desired, in ScalingLoad load, long now)
    {
        var kept = _scaler.Kept(_settings, load, now);
        var keptQueued = load.Inputs == 0 ? desired : kept;
        foreach (var container in _containers.Values.Where(c => c.Phase is ContainerPhase.Queued or ContainerPhase.Starting)
            .OrderByDescending(c => c.Phase == ContainerPhase.Queued).ThenByDescending(c => c.RequestedMs).ToArray())
        {
            if (have <= (container.Phase == ContainerPhase.Queued ? keptQueued : kept))
            {
                break;
            }

            have--;
            StopOne(container, TimeSpan.Zero, "no longer needed");
        }
    }

    private void StopIdle(long now)
    {
        var kept = _scaler.Kept(_settings, Load(now), now);
        while (_idle.First is { } oldest && _ready.Count > kept && oldest.Value.IdleSinceMs + _settings.ScaledownWindowMs <= now)
        {
            StopOne(oldest.Value, s_idleGrace, $"idle for {_settings.ScaledownWindowMs / 1000.0:0.###} s");
        }
    }
}
