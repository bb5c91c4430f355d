namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What became of a request for a container, or what has to become of a container.</summary>
internal abstract record PlacementEvent(string FunctionId, string ContainerId)
{
    /// <summary>It may start on this worker, with these GPUs for itself.</summary>
    internal sealed record Placed(string FunctionId, string ContainerId, string WorkerSession, IReadOnlyList<string> Gpus) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>It and others of its function have to wait, and why.</summary>
    internal sealed record Waiting(string FunctionId, string ContainerId, string Reason) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>No worker can hold it, and none came that could; the request is forgotten.</summary>
    internal sealed record Impossible(string FunctionId, string ContainerId, string Reason) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>Somebody of higher priority needs its room: stop it. Ask <see cref="Placement.BeginEviction"/> before.</summary>
    internal sealed record Preempt(string FunctionId, string ContainerId) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>Its worker is about to stop: let it finish, and ask for another.</summary>
    internal sealed record Drained(string FunctionId, string ContainerId) : PlacementEvent(FunctionId, ContainerId);
}
