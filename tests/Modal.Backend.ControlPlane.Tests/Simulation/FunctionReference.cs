using System.Runtime.CompilerServices;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Placing;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Calls a function's grain over the simulated network; what arrives is shown to the invariants first.</summary>
internal sealed class FunctionReference(World world, string id) : IFunctionGrain
{
    private readonly Dictionary<string, string> _connections = new(StringComparer.Ordinal);

    /// <summary>Set once it is made: it asks for the reference to itself before.</summary>
    public FunctionGrain Grain { get; set; } = null!;

    public FunctionCore Core => CoreOf(Grain)!;

    public Task ConfigureAsync(FunctionConfiguration configuration) => world.CallAsync(() => Grain.ConfigureAsync(configuration), mayFail: false);

    public Task<OpenStreamResult> OpenStreamAsync(string appId, string streamId, string connectionId, ulong lastSeq, bool fromContainer) => world.CallAsync(() =>
    {
        _connections[streamId] = connectionId;
        return Grain.OpenStreamAsync(appId, streamId, connectionId, lastSeq, fromContainer);
    });

    public Task OnClientAsync(ClientBatch batch) => world.CallAsync(() =>
    {
        // Those of an earlier connection are ignored.
        if (_connections.GetValueOrDefault(batch.StreamId) == batch.ConnectionId && Core.AttachedStreams.Contains(batch.StreamId))
        {
            foreach (var request in batch.Requests.Where(r => r.Cancel is not null))
            {
                world.Invariants.OnCancel(batch.StreamId, request.Cancel);
            }
        }

        return Grain.OnClientAsync(batch);
    });

    public Task CloseStreamAsync(string streamId) => world.CallAsync(() => Grain.CloseStreamAsync(streamId), mayFail: false);

    // The caller gives up if it fails, so it must not: the grain is in the same process.
    public Task OnStreamLostAsync(string streamId, string connectionId) => world.CallAsync(() => Grain.OnStreamLostAsync(streamId, connectionId), mayFail: false);

    public Task OnWorkerAsync(WorkerBatch batch) => world.CallAsync(() =>
    {
        world.Invariants.OnWorkerMessages(id, batch);
        return Grain.OnWorkerAsync(batch);
    });

    public Task OnWorkerLostAsync(string workerSession) => world.CallAsync(() =>
    {
        world.Invariants.OnWorkerLost(id, workerSession);
        return Grain.OnWorkerLostAsync(workerSession);
    });

    public Task OnPlacementAsync(PlacementNotices news) => world.CallAsync(() =>
    {
        world.Invariants.OnNotices(id, news);
        return Grain.OnPlacementAsync(news);
    });

    public Task ReleaseIdleAsync() => world.CallAsync(() => Grain.ReleaseIdleAsync());

    public Task StopAsync(string reason) => world.CallAsync(() => Grain.StopAsync(reason), mayFail: false);

    public Task RetireAsync(string reason) => world.CallAsync(() => Grain.RetireAsync(reason), mayFail: false);

    public Task WakeAsync() => world.CallAsync(() => Grain.WakeAsync(), mayFail: false);

    public Task<StatusSnapshot> GetStatusAsync() => world.CallAsync(() => Grain.GetStatusAsync());

    public Task<ScalingOutcome?> UpdateAutoscalerAsync(string appId, ScalingChange change) => world.CallAsync(() => Grain.UpdateAutoscalerAsync(appId, change));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    private static extern ref FunctionCore? CoreOf(FunctionGrain grain);
}
