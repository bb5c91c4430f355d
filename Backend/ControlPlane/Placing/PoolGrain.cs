using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Hosts a <see cref="Placement"/> and tells functions what became of their requests.</summary>
[Reentrant]
[KeepAlive]
internal sealed class PoolGrain : Grain, IPoolGrain, IDisposable
{
    private readonly Clock _clock;
    private readonly ILogger<PoolGrain> _logger;
    private readonly Placement _placement = new();
    private readonly Dictionary<string, RegisterWorker> _workers = new(StringComparer.Ordinal);
    private readonly Wakeup _wakeup;

    public PoolGrain(Clock clock, ILogger<PoolGrain> logger)
    {
        _clock = clock;
        _logger = logger;
        var self = this.AsReference<IPoolGrain>();
        _wakeup = new Wakeup(clock, self.WakeAsync, logger);
    }

    public void Dispose() => _wakeup.Dispose();

    public Task AddWorkerAsync(WorkerOffer offer)
    {
        _workers[offer.Session] = offer.Worker;
        return TellAsync(_placement.AddWorker(offer.Session, offer.Worker.CpuCores, offer.Worker.MemoryMib, _clock.NowMs));
    }

    public Task RemoveWorkerAsync(string session)
    {
        _workers.Remove(session);
        return TellAsync(_placement.RemoveWorker(session, _clock.NowMs));
    }

    public Task HandleAsync(PoolBatch batch)
    {
        var now = _clock.NowMs;
        var events = new List<PlacementEvent>();
        foreach (var request in batch.Requests)
        {
            events.AddRange(request.Need is { } need
                ? _placement.Request(request.FunctionId, request.ContainerId, need, now)
                : _placement.Release(request.ContainerId, now));
        }

        return TellAsync(events);
    }

    public Task WakeAsync() => TellAsync(_placement.Wake(_clock.NowMs));

    public Task<PoolSnapshot> GetStatusAsync() => Task.FromResult(new PoolSnapshot([.. _placement.Workers.Select(w => new WorkerStatus
    {
        WorkerId = _workers[w.Session].WorkerId,
        Sandbox = _workers[w.Session].Sandbox,
        CpuCores = w.CpuCores,
        CpuCoresUsed = w.CpuCoresUsed,
        MemoryMib = w.MemoryMiB,
        MemoryMibUsed = w.MemoryMiBUsed,
        Containers = w.Containers,
    })]));

    private Task TellAsync(IReadOnlyList<PlacementEvent> events)
    {
        _wakeup.SetFor(_placement.NextWake());
        return events.Count == 0 ? Task.CompletedTask : Task.WhenAll(events.Select(e => _logger.WatchAsync(
            GrainFactory.GetGrain<IFunctionGrain>(e.FunctionId).OnPlacementAsync(e switch
            {
                PlacementEvent.Placed placed => new PlacementNotice(e.ContainerId, placed.WorkerSession, "", IsFinal: false),
                PlacementEvent.Waiting waiting => new PlacementNotice(e.ContainerId, null, waiting.Reason, IsFinal: false),
                PlacementEvent.Impossible impossible => new PlacementNotice(e.ContainerId, null, impossible.Reason, IsFinal: true),
                _ => throw new InvalidOperationException($"No notice is known for {e}."),
            }))));
    }
}
