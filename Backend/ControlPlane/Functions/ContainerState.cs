using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

internal enum ContainerPhase
{
    /// <summary>Asked for; no worker has it yet.</summary>
    Queued,

    /// <summary>A worker starts it.</summary>
    Starting,

    /// <summary>Takes inputs.</summary>
    Ready,

    /// <summary>Told to stop.</summary>
    Stopping,
}

/// <summary>One container of a function.</summary>
internal sealed class ContainerState
{
    private Chain<InputState> _inputs;

    public ContainerState(string id, long requestedMs)
    {
        Id = id;
        RequestedMs = requestedMs;
        IdleNode = new LinkedListNode<ContainerState>(this);
    }

    public string Id { get; }

    public ContainerPhase Phase { get; set; } = ContainerPhase.Queued;

    /// <summary>The session of the worker that has it; empty while queued.</summary>
    public string WorkerSession { get; set; } = "";

    public long RequestedMs { get; }

    public long PlacedMs { get; set; }

    public IReadOnlyList<StartPhase> StartPhases { get; set; } = [];

    public ContainerStart Start { get; set; }

    /// <summary>Why it was not started in a quicker way that was tried; empty if none was.</summary>
    public string FallbackReason { get; set; } = "";

    /// <summary>Inputs it holds, in the order in which they were handed out.</summary>
    public ref Chain<InputState> Inputs => ref _inputs;

    /// <summary>How many inputs it may hold now.</summary>
    public int Credit { get; set; }

    /// <summary>Whether it ever held an input.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Whether it ever gave a result.</summary>
    public bool HasAnswered { get; set; }

    /// <summary>Takes nothing new until it is empty, for a suspect that must run alone.</summary>
    public bool IsReserved { get; set; }

    /// <summary>Told to stop with time to finish what it has; may be told again to be quicker.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Of an older version of the function: serves until a new one is ready.</summary>
    public bool IsOutdated { get; set; }

    public long IdleSinceMs { get; set; }

    /// <summary>Its place among the idle; in it exactly while ready and empty.</summary>
    public LinkedListNode<ContainerState> IdleNode { get; }

    /// <summary>What the running operation has for it; handed out when it ends.</summary>
    public DispatchInputs? Outgoing { get; set; }

    public CancelAttempts? OutgoingCancel { get; set; }

    /// <summary>The cluster that it is a member of, or is as a whole; null for a container by itself.</summary>
    public ClusterState? Cluster { get; set; }

    /// <summary>Its number in its cluster, from 0.</summary>
    public int Rank { get; init; }

    public bool HoldsSuspect => Inputs.First is { IsSuspect: true };
}
