using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>
/// Hosts a <see cref="FunctionCore"/>: gives it the time and carries its actions to streams, workers and the pool. Reentrant, because no turn awaits between
/// touching the core and being done with it.
/// </summary>
[Reentrant]
[KeepAlive]
internal sealed partial class FunctionGrain : Grain, IFunctionGrain, IDetachedCallsGrain, IFunctionActions, IDisposable
{
    // How much longer than its grace a container may take before it counts as gone.
    private const long StopLimitMs = 20_000;

    // Longer than a client takes to come back after its connection broke.
    private const long RetireGraceMs = 15_000;

    private readonly Clock _clock;
    private readonly Registry<CallOutbox> _outboxes;
    private readonly Registry<WorkerLink> _workers;
    private readonly Registry<AppOutbox> _apps;
    private readonly ISecretValues _secrets;
    private readonly ILogger<FunctionGrain> _logger;
    private readonly ICallStore _calls;
    private readonly long _graceMs;
    private readonly TimeSpan _keepResults;
    private readonly Dictionary<string, OpenCallStream> _streams = new(StringComparer.Ordinal);
    private readonly GrainRequests<PoolRequest> _pool;
    private readonly StatsReporter _stats = new();
    private readonly Wakeup _wakeup;
    private FunctionConfiguration? _configuration;
    private FunctionSettings _settings = new();
    private FunctionCore? _core;
    private string _waitingReason = "";
    private long? _stopDeadlineMs;
    private bool _stopReported;
    private string? _retiredBecause;
    private long? _retireAtMs;

    public FunctionGrain(
        Clock clock, Registry<CallOutbox> outboxes, Registry<WorkerLink> workers, Registry<AppOutbox> apps, ICallStore calls, ISecretValues secrets, IOptions<ControlPlaneOptions> options, ILogger<FunctionGrain> logger)
    {
        _clock = clock;
        _outboxes = outboxes;
        _workers = workers;
        _apps = apps;
        _secrets = secrets;
        _logger = logger;
        _calls = calls;
        _keepResults = options.Value.ResultKeep;
        _graceMs = (long)options.Value.AppGrace.TotalMilliseconds;
        var pool = GrainFactory.GetGrain<IPoolGrain>(0);
        _pool = new GrainRequests<PoolRequest>(batch => pool.HandleAsync(new PoolBatch(batch)), clock.Time, logger);
        var self = this.AsReference<IFunctionGrain>();
        _wakeup = new Wakeup(clock, self.WakeAsync, logger);
    }

    private string Name => _configuration?.Spec.Name ?? this.GetPrimaryKeyString();

    public void Dispose()
    {
        _wakeup.Dispose();
        _pool.Dispose();
    }

    public Task ConfigureAsync(FunctionConfiguration configuration)
    {
        // A client that comes back says again what it said before; that must not undo a change made meanwhile.
        var isChanged = _configuration is null || !_configuration.Spec.Equals(configuration.Spec) || _configuration.Code.Digest != configuration.Code.Digest;
        if (isChanged)
        {
            _settings = FunctionSettings.From(configuration.Spec);
        }

        _configuration = configuration;
        (_retiredBecause, _retireAtMs) = (null, null);
        if (_core is not null && isChanged)
        {
            _core.ReplaceContainers(configuration.IsRolling, _clock.NowMs);
        }

        if (_core is null)
        {
            _core = new FunctionCore(_settings, this, static () => Id.New(Id.Container));
            _recovered = RecoverAsync();
        }

        _core.Configure(_settings, _clock.NowMs);
        return AfterTurn();
    }

    public Task<OpenStreamResult> OpenStreamAsync(string appId, string streamId, string connectionId, ulong lastSeq, bool fromContainer)
    {
        if (_core is null || _configuration?.AppId != appId || _core.IsStopping || _retiredBecause is not null)
        {
            ForgetUnknown();
            return Task.FromResult(OpenStreamResult.UnknownFunction);
        }

        var outbox = _outboxes.GetOrAdd(streamId, static _ => new CallOutbox());
        // Output stays: it is not sent again. Results are, from the core.
        outbox.Drop(static e => e.Output is null);
        var known = _streams.ContainsKey(streamId);
        _streams[streamId] = new OpenCallStream(outbox, connectionId, fromContainer);
        outbox.Post(new CallEvent { Opened = new StreamOpened { Resumed = known } });
        _core.OpenStream(streamId, lastSeq, _clock.NowMs);
        _stats.Reset();
        _ = AfterTurn();
        return Task.FromResult(known ? OpenStreamResult.Resumed : OpenStreamResult.Opened);
    }

    public Task OnClientAsync(ClientBatch batch)
    {
        if (_core is null || !_streams.TryGetValue(batch.StreamId, out var stream) || stream.ConnectionId != batch.ConnectionId)
        {
            // A newer connection of the same stream sent everything again.
            return Task.CompletedTask;
        }

        var now = _clock.NowMs;
        foreach (var request in batch.Requests)
        {
            switch (request.RequestCase)
            {
                case CallRequest.RequestOneofCase.Inputs:
                    if (!_core.AddInputs(batch.StreamId, request.Inputs.Inputs, now))
                    {
                        throw new TooManyInputsException();
                    }

                    break;
                case CallRequest.RequestOneofCase.Ack:
                    _core.AcknowledgeResults(batch.StreamId, request.Ack.Seq);
                    break;
                case CallRequest.RequestOneofCase.Cancel:
                    _core.CancelInputs(batch.StreamId, request.Cancel.Call, request.Cancel.Indexes, now);
                    break;
            }
        }

        return AfterTurn();
    }

    public Task OnStreamLostAsync(string streamId, string connectionId)
    {
        if (_streams.TryGetValue(streamId, out var stream) && stream.ConnectionId == connectionId)
        {
            stream.CloseAtMs = _clock.NowMs + _graceMs;
            _core?.DetachStream(streamId);
            _wakeup.SetFor(stream.CloseAtMs);
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(string reason)
    {
        if (_core is null)
        {
            _stopReported = true;
            await GrainFactory.GetGrain<IAppGrain>(_configuration?.AppId ?? "").OnFunctionStoppedAsync(this.GetPrimaryKeyString());
            return;
        }

        await _recovered;
        await CancelDetachedAsync();

        _stopDeadlineMs ??= _clock.NowMs + StopLimitMs;
        _core.Stop(reason, _clock.NowMs);
        foreach (var streamId in _streams.Keys.ToArray())
        {
            CloseStream(streamId);
        }

        await AfterTurn();
    }

    public Task RetireAsync(string reason)
    {
        _retiredBecause = reason;
        return _core is null ? Task.CompletedTask : AfterTurn();
    }

    public async Task<ScalingOutcome?> UpdateAutoscalerAsync(string appId, ScalingChange change)
    {
        if (_core is null || _configuration?.AppId != appId || _core.IsStopping)
        {
            ForgetUnknown();
            return null;
        }

        var settings = _settings.With(change.Settings);
        if (settings.Fault() is { } fault)
        {
            return new ScalingOutcome(_settings.ToScaling(), fault);
        }

        _settings = settings;
        _core.Configure(settings, _clock.NowMs);
        _logger.ScalingChanged(Name, settings.MinContainers, settings.MaxContainers, settings.BufferContainers, settings.ScaledownWindowMs);
        await AfterTurn();
        return new ScalingOutcome(settings.ToScaling(), "");
    }

    public Task WakeAsync()
    {
        if (_core is null)
        {
            return Task.CompletedTask;
        }

        var now = _clock.NowMs;
        foreach (var (streamId, stream) in _streams.Where(s => s.Value.CloseAtMs <= now).ToArray())
        {
            CloseStream(streamId);
            _core.CloseStream(streamId, now);
        }

        if (_stopDeadlineMs <= now && _core.Containers.Count > 0)
        {
            _logger.ContainersGivenUp(_core.Containers.Count, Name);
            foreach (var container in _core.Containers.ToArray())
            {
                _core.OnExited(container.Id, ExitReason.Lost, null, now);
            }
        }

        _core.Wake(now);
        return AfterTurn();
    }

    public Task<StatusSnapshot> GetStatusAsync()
    {
        var status = new FunctionStatus { FunctionId = this.GetPrimaryKeyString(), Name = Name, Stats = _core is null ? new FunctionStats() : StatsReporter.Measure(_core, _waitingReason) };
        foreach (var container in _core?.Containers ?? [])
        {
            var entry = new ContainerStatus
            {
                ContainerId = container.Id,
                WorkerId = WorkerSession.WorkerIdOf(container.WorkerSession),
                Start = container.Start,
                FallbackReason = container.FallbackReason,
                State = container.Phase switch
                {
                    ContainerPhase.Queued => "queued",
                    ContainerPhase.Starting => "starting",
                    ContainerPhase.Ready => "ready",
                    _ => "stopping",
                },
            };
            entry.Phases.AddRange(container.StartPhases);
            status.Containers.Add(entry);
        }

        return Task.FromResult(new StatusSnapshot(status));
    }

    // An id that somebody made up must not stay in memory.
    private void ForgetUnknown()
    {
        if (_core is null)
        {
            DeactivateOnIdle();
        }
    }

    private void CloseStream(string streamId)
    {
        if (_streams.Remove(streamId, out var stream))
        {
            _outboxes.Remove(streamId, stream.Outbox);
            stream.Outbox.Abort();
        }
    }

    // What every operation may have changed: when to wake, what clients are shown, whether the function has ended.
    private Task AfterTurn()
    {
        var core = _core!;
        var now = _clock.NowMs;
        if (core.StartingContainers == 0)
        {
            _waitingReason = "";
        }

        if (_stats.Next(core, _waitingReason, now, out var reportAgainMs) is { } stats)
        {
            foreach (var stream in _streams.Values)
            {
                stream.Outbox.Post(new CallEvent { Stats = stats });
            }
        }

        // Not as of now: what fell due since the operation would be taken for done, and nobody would ever do it.
        _wakeup.SetFor(core.NextWake(core.LastMs));
        _wakeup.SetFor(reportAgainMs);
        _wakeup.SetFor(_stopDeadlineMs > now ? _stopDeadlineMs : null);
        if (_retiredBecause is { } reason && !core.IsStopping && IsRetired(core, now))
        {
            return StopAsync(reason);
        }

        if (core.IsStopping && core.Containers.Count == 0 && !_stopReported)
        {
            _stopReported = true;
            return EndAsync();
        }

        return Task.CompletedTask;
    }

    // Done, and for long enough that clients have their results: stopping drops what is still on its way.
    private bool IsRetired(FunctionCore core, long now)
    {
        if (core.Queued + core.Running > 0 || _detached.Count > 0 || !_recovered.IsCompleted)
        {
            _retireAtMs = null;
            return false;
        }

        _retireAtMs ??= now + RetireGraceMs;
        _wakeup.SetFor(_retireAtMs > now ? _retireAtMs : null);
        return _retireAtMs <= now;
    }

    private async Task EndAsync()
    {
        // The pool must have its resources back before somebody is told that they are free.
        await _pool.Sent;
        await GrainFactory.GetGrain<IAppGrain>(_configuration!.AppId).OnFunctionStoppedAsync(this.GetPrimaryKeyString());
        DeactivateOnIdle();
    }
    private sealed class OpenCallStream(CallOutbox outbox, string connectionId, bool fromContainer)
    {
        public CallOutbox Outbox { get; } = outbox;

        public string ConnectionId { get; } = connectionId;

        public bool FromContainer { get; } = fromContainer;

        /// <summary>When it is given up; never while a client listens.</summary>
        public long CloseAtMs { get; set; } = long.MaxValue;
    }
}
