using Modal.Backend.ControlPlane.Scaling;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>Another version of the function takes over from containers that were started with the one before.</content>
internal sealed partial class FunctionCore
{
    private const string NewVersion = "a new version of the function takes over";

    // Ready ones.
    private int _outdated;

    /// <summary>The containers that exist are of an older version: they are replaced by new ones, and none of what they work on is lost.</summary>
    /// <param name="rolling">They serve until as many new ones are ready, so that nobody waits for a start, and go on if the new version cannot start; else they get nothing new from now on.</param>
    /// <param name="now">The time.</param>
    public void ReplaceContainers(bool rolling, long now)
    {
        // What the version before did wrong does not slow this one down.
        _startFailures = 0;
        foreach (var container in _containers.Values.ToArray())
        {
            if (container.Phase is ContainerPhase.Queued or ContainerPhase.Starting)
            {
                StopOne(container, TimeSpan.Zero, NewVersion);
            }
            else if (container.Phase == ContainerPhase.Ready && !rolling)
            {
                Retire(container);
            }
            else if (container.Phase == ContainerPhase.Ready && !container.IsOutdated)
            {
                container.IsOutdated = true;
                _outdated++;
            }
        }

        End(now);
    }

    // As many new ones as there are old ones that would be kept.
    private int WithReplacements(int desired, in ScalingLoad load, long now) =>
        _outdated == 0 ? desired : Math.Max(desired, Math.Min(_outdated, _scaler.Kept(_settings, load, now)));

    private void RetireOutdated(int desired)
    {
        while (_outdated > 0 && _ready.Count > desired)
        {
            // What does nothing goes first.
            Retire(_ready.Where(static c => c.IsOutdated).MinBy(static c => c.Inputs.Count)!);
        }
    }

    private void Retire(ContainerState container)
    {
        container.IsLeaving = true;
        StopOne(container, s_drainGrace, NewVersion);
    }
}
