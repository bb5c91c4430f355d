namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What became of a request for a container.</summary>
internal abstract record PlacementEvent(string FunctionId, string ContainerId)
{
    /// <summary>It may start on this worker.</summary>
    internal sealed record Placed(string FunctionId, string ContainerId, string WorkerSession) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>It has to wait, and why. An empty reason means that it waits no more.</summary>
    internal sealed record Waiting(string FunctionId, string ContainerId, string Reason) : PlacementEvent(FunctionId, ContainerId);

    /// <summary>No worker can hold it, and none came that could; the request is forgotten.</summary>
    internal sealed record Impossible(string FunctionId, string ContainerId, string Reason) : PlacementEvent(FunctionId, ContainerId);
}
