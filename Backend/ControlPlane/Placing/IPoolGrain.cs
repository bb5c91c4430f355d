using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>The one owner of what workers have and what containers take.</summary>
internal interface IPoolGrain : IGrainWithIntegerKey
{
    Task AddWorkerAsync(WorkerOffer offer);

    Task RemoveWorkerAsync(string session);

    Task HandleAsync(PoolBatch batch);

    Task WakeAsync();

    Task<PoolSnapshot> GetStatusAsync();
}

[GenerateSerializer, Immutable]
internal sealed record WorkerOffer([property: Id(0)] string Session, [property: Id(1)] RegisterWorker Worker);

[GenerateSerializer, Immutable]
internal sealed record PoolBatch([property: Id(0)] IReadOnlyList<PoolRequest> Requests);

/// <summary>Asks for a place, or gives one back.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="FunctionId">Whom to tell.</param>
/// <param name="Need">What it needs; null gives back what it had or was waiting for.</param>
[GenerateSerializer, Immutable]
internal sealed record PoolRequest([property: Id(0)] string ContainerId, [property: Id(1)] string FunctionId, [property: Id(2)] ResourceNeed? Need);

[GenerateSerializer, Immutable]
internal sealed record PlacementNotice(
    [property: Id(0)] string ContainerId, [property: Id(1)] string? WorkerSession, [property: Id(2)] string Reason, [property: Id(3)] bool IsFinal);

[GenerateSerializer, Immutable]
internal sealed record PoolSnapshot([property: Id(0)] IReadOnlyList<WorkerStatus> Workers);
