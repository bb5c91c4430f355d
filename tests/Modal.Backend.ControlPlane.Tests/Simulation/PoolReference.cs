using System.Runtime.CompilerServices;
using Modal.Backend.ControlPlane.Placing;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Calls the pool's grain over the simulated network.</summary>
internal sealed class PoolReference(World world) : IPoolGrain
{
    /// <summary>Set once it is made: it asks for the reference to itself before.</summary>
    public PoolGrain Grain { get; set; } = null!;

    public Placement Placement => PlacementOf(Grain);

    public Task AddWorkerAsync(WorkerOffer offer) => world.CallAsync(() => Grain.AddWorkerAsync(offer));

    public Task RemoveWorkerAsync(string session) => world.CallAsync(() => Grain.RemoveWorkerAsync(session));

    public Task DrainWorkerAsync(string session) => world.CallAsync(() => Grain.DrainWorkerAsync(session));

    public Task UpdateHoldingsAsync(string session, HoldingsChange change) => world.CallAsync(() => Grain.UpdateHoldingsAsync(session, change));

    public Task ReportStartingAsync(string session, int starting) => world.CallAsync(() => Grain.ReportStartingAsync(session, starting));

    public Task HandleAsync(PoolBatch batch) => world.CallAsync(() => Grain.HandleAsync(batch));

    public Task WakeAsync() => world.CallAsync(() => Grain.WakeAsync(), mayFail: false);

    public Task<PoolSnapshot> GetStatusAsync() => world.CallAsync(() => Grain.GetStatusAsync());

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_placement")]
    private static extern ref Placement PlacementOf(PoolGrain grain);
}
