using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>The one owner of what workers have and what containers take.</summary>
internal interface IPoolGrain : IGrainWithIntegerKey
{
    Task AddWorkerAsync(WorkerOffer offer);

    Task RemoveWorkerAsync(string session);

    Task DrainWorkerAsync(string session);

    Task UpdateHoldingsAsync(string session, HoldingsChange change);

    /// <summary>How many containers start on the worker now, of all that it was told of.</summary>
    Task ReportStartingAsync(string session, int starting);

    Task HandleAsync(PoolBatch batch);

    Task WakeAsync();

    Task<PoolSnapshot> GetStatusAsync();
}

[GenerateSerializer, Immutable]
internal sealed record WorkerOffer([property: Id(0)] string Session, [property: Id(1)] RegisterWorker Worker);

[GenerateSerializer, Immutable]
internal sealed record HoldingsChange([property: Id(0)] WorkerHoldings Holdings);

[GenerateSerializer, Immutable]
internal sealed record PoolBatch([property: Id(0)] IReadOnlyList<PoolRequest> Requests);

/// <summary>Asks for a place, or gives one back.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="FunctionId">Whom to tell.</param>
/// <param name="AppId">Among whose functions what there is is shared.</param>
/// <param name="Need">What it needs; null gives back what it had or was waiting for.</param>
[GenerateSerializer, Immutable]
internal sealed record PoolRequest([property: Id(0)] string ContainerId, [property: Id(1)] string FunctionId, [property: Id(2)] string AppId, [property: Id(3)] ResourceNeed? Need)
{
    /// <summary>The cluster it belongs to; empty, the default, for none.</summary>
    [Id(4)]
    public string ClusterId { get; init; } = "";

    /// <summary>Containers of the cluster, which are placed when all are asked for, together or not at all. 0 and 1 mean no cluster.</summary>
    [Id(5)]
    public int ClusterSize { get; init; }
}

/// <summary>What a function is told of one of its containers.</summary>
internal enum PlacementOutcome
{
    /// <summary>It starts on a worker.</summary>
    Placed,

    /// <summary>It waits for a reason.</summary>
    Waiting,

    /// <summary>It is given up for a reason.</summary>
    Impossible,

    /// <summary>It has to make room.</summary>
    Preempted,

    /// <summary>Its worker is about to stop.</summary>
    Drained,
}

/// <summary>News of a container.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="Outcome">What has happened.</param>
/// <param name="Detail">The worker's session if it is placed, the reason if it waits or is given up.</param>
/// <param name="Gpus">Uuids of its GPUs if it is placed.</param>
[GenerateSerializer, Immutable]
internal sealed record PlacementNotice([property: Id(0)] string ContainerId, [property: Id(1)] PlacementOutcome Outcome, [property: Id(2)] string Detail, [property: Id(3)] IReadOnlyList<string> Gpus);

[GenerateSerializer, Immutable]
internal sealed record PlacementNotices([property: Id(0)] IReadOnlyList<PlacementNotice> Notices);

[GenerateSerializer, Immutable]
internal sealed record PoolSnapshot([property: Id(0)] IReadOnlyList<WorkerStatus> Workers);
