using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Hosts a <see cref="Placement"/> and tells functions what became of their requests, again and again until they have heard it.</summary>
[Reentrant]
[KeepAlive]
internal sealed class PoolGrain : Grain, IPoolGrain, IDisposable
{
    private const int FewFunctions = 256;

    // Idle containers go one by one while others wait: each needs about this to end.
    private const long ReleaseIntervalMs = 250;

    private readonly Clock _clock;
    private readonly ILogger<PoolGrain> _logger;
    private readonly Placement _placement;
    private readonly Dictionary<string, RegisterWorker> _workers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GrainRequests<PlacementNotice>> _notices = new(StringComparer.Ordinal);
    private readonly Wakeup _wakeup;
    private int _sweepAt = FewFunctions;
    private long _releaseAtMs;

    public PoolGrain(Clock clock, IOptions<ControlPlaneOptions> options, ILogger<PoolGrain> logger)
    {
        _clock = clock;
        _logger = logger;
        _placement = new Placement(options.Value.Quota);
        var self = this.AsReference<IPoolGrain>();
        _wakeup = new Wakeup(clock, self.WakeAsync, logger);
    }

    public void Dispose()
    {
        _wakeup.Dispose();
        foreach (var notices in _notices.Values)
        {
            notices.Dispose();
        }
    }

    public Task AddWorkerAsync(WorkerOffer offer)
    {
        var worker = offer.Worker;
        _workers[offer.Session] = worker;
        Tell(_placement.AddWorker(
            new WorkerDescription(offer.Session, worker.CpuCores, worker.MemoryMib)
            {
                DiskMiB = worker.EphemeralDiskMib,
                Region = worker.Region,
                Pool = worker.Pool.Length > 0 ? worker.Pool : ResourceNeed.DefaultPool,
                Gpus = [.. worker.Gpus.Select(g => new GpuDevice(g.Uuid, g.Model))],
            },
            _clock.NowMs));
        return Task.CompletedTask;
    }

    public Task RemoveWorkerAsync(string session)
    {
        _workers.Remove(session);
        Tell(_placement.RemoveWorker(session, _clock.NowMs));
        return Task.CompletedTask;
    }

    public Task DrainWorkerAsync(string session)
    {
        Tell(_placement.Drain(session, _clock.NowMs));
        return Task.CompletedTask;
    }

    public Task UpdateHoldingsAsync(string session, HoldingsChange change)
    {
        _placement.UpdateHoldings(session, change.Holdings.Added, change.Holdings.Removed);
        return Task.CompletedTask;
    }

    public Task ReportStartingAsync(string session, int starting)
    {
        _placement.ReportStarting(session, starting);
        return Task.CompletedTask;
    }

    public Task HandleAsync(PoolBatch batch)
    {
        Tell(_placement.Handle(batch.Requests, _clock.NowMs));
        return Task.CompletedTask;
    }

    public Task WakeAsync()
    {
        Tell(_placement.Wake(_clock.NowMs));
        return Task.CompletedTask;
    }

    public Task<PoolSnapshot> GetStatusAsync() => Task.FromResult(new PoolSnapshot([.. _placement.Workers.Select(w =>
    {
        var status = new WorkerStatus
        {
            WorkerId = _workers[w.Session].WorkerId,
            Sandbox = _workers[w.Session].Sandbox,
            CpuCores = w.CpuCores,
            CpuCoresUsed = w.CpuCoresUsed,
            MemoryMib = w.MemoryMiB,
            MemoryMibUsed = w.MemoryMiBUsed,
            Containers = w.Containers.Count,
            GpusUsed = w.GpusUsed,
            Region = w.Group.Region,
            Pool = w.Group.Pool,
            Draining = w.IsDraining,
        };
        status.Gpus.AddRange(w.Gpus.Select(g => g.Model));
        return status;
    })]));

    private void Tell(IReadOnlyList<PlacementEvent> events)
    {
        _wakeup.SetFor(_placement.NextWake());
        ReleaseIdle();
        foreach (var one in events)
        {
            if (!_notices.TryGetValue(one.FunctionId, out var notices))
            {
                Sweep();
                var function = GrainFactory.GetGrain<IFunctionGrain>(one.FunctionId);
                notices = new GrainRequests<PlacementNotice>(batch => TellAsync(function, batch), _clock.Time, _logger);
                _notices.Add(one.FunctionId, notices);
            }

            notices.Add(one switch
            {
                PlacementEvent.Placed placed => new PlacementNotice(one.ContainerId, PlacementOutcome.Placed, placed.WorkerSession, placed.Gpus),
                PlacementEvent.Waiting waiting => new PlacementNotice(one.ContainerId, PlacementOutcome.Waiting, waiting.Reason, []),
                PlacementEvent.Impossible impossible => new PlacementNotice(one.ContainerId, PlacementOutcome.Impossible, impossible.Reason, []),
                PlacementEvent.Preempt => new PlacementNotice(one.ContainerId, PlacementOutcome.Preempted, "", []),
                PlacementEvent.Drained => new PlacementNotice(one.ContainerId, PlacementOutcome.Drained, "", []),
                _ => throw new InvalidOperationException($"No notice is known for {one}."),
            });
        }
    }

    // What is idle is worth less than what waits.
    private void ReleaseIdle()
    {
        var now = _clock.NowMs;
        if (!_placement.IsFull)
        {
            return;
        }

        if (_releaseAtMs <= now)
        {
            _releaseAtMs = now + ReleaseIntervalMs;
            foreach (var function in _placement.PlacedFunctions)
            {
                _ = _logger.WatchAsync(GrainFactory.GetGrain<IFunctionGrain>(function).ReleaseIdleAsync());
            }
        }

        _wakeup.SetFor(_releaseAtMs);
    }

    private Task TellAsync(IFunctionGrain function, IReadOnlyList<PlacementNotice> batch)
    {
        // Until this moment an eviction can be called off.
        PlacementNotice[] due = [.. batch.Where(n => n.Outcome != PlacementOutcome.Preempted || _placement.BeginEviction(n.ContainerId))];
        return due.Length > 0 ? function.OnPlacementAsync(new PlacementNotices(due)) : Task.CompletedTask;
    }

    private void Sweep()
    {
        if (_notices.Count < _sweepAt)
        {
            return;
        }

        foreach (var (function, notices) in _notices.Where(n => n.Value.IsIdle).ToArray())
        {
            notices.Dispose();
            _notices.Remove(function);
        }

        _sweepAt = Math.Max(FewFunctions, 2 * _notices.Count);
    }
}
