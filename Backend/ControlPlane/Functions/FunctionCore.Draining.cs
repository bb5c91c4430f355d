namespace Modal.Backend.ControlPlane.Functions;

/// <content>Containers that have to leave their worker: it stops, or somebody needs the room more.</content>
internal sealed partial class FunctionCore
{
    // The worker has a limit of its own, after which it stops whatever still runs; this one only has to be longer.
    private static readonly TimeSpan s_drainGrace = TimeSpan.FromHours(1);

    // What runs may come to its end if it is nearly there; the other function waits meanwhile.
    private static readonly TimeSpan s_preemptionGrace = TimeSpan.FromSeconds(5);

    // A caller that calls in sequence comes back within this.
    private const long MinIdleMs = 1_000;

    /// <summary>The container's worker is about to stop: the container gets nothing new, finishes what it has, and another is asked for. Unknown ones are ignored.</summary>
    public void OnDraining(string containerId, long now) => Leave(containerId, s_drainGrace, "its worker is about to stop", now);

    /// <summary>A function of higher priority needs the room: what the container does not finish at once goes back to the queue and costs no retry. Unknown ones are ignored.</summary>
    public void OnPreempted(string containerId, long now) => Leave(containerId, s_preemptionGrace, "a function of higher priority needs its room", now);

    /// <summary>Others wait for room: one container that was idle for a while and is not needed now goes before its time.</summary>
    public void ReleaseIdle(long now)
    {
        if (_idle.First is { } oldest && oldest.Value.IdleSinceMs + MinIdleMs <= now && _ready.Count + Starting > _scaler.Desired(_settings with { BufferContainers = 0 }, Load(now), now))
        {
            _scaler.Forget();
            StopOne(oldest.Value, s_idleGrace, "another function waits for its room");
        }

        End(now);
    }

    private void Leave(string containerId, TimeSpan grace, string reason, long now)
    {
        if (_containers.TryGetValue(WholeOf(containerId), out var container) && container.Phase is ContainerPhase.Starting or ContainerPhase.Ready)
        {
            container.IsLeaving = true;
            StopOne(container, container.Phase == ContainerPhase.Starting ? TimeSpan.Zero : grace, reason);
        }

        End(now);
    }
}
