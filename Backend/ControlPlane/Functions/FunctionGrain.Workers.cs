using Grpc.Core;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>The side of workers and the pool.</content>
internal sealed partial class FunctionGrain
{
    private ResourceNeed? _need;
    private FunctionConfiguration? _needOf;

    public Task OnWorkerAsync(WorkerBatch batch)
    {
        if (_core is null)
        {
            return Task.CompletedTask;
        }

        var now = _clock.NowMs;
        foreach (var message in batch.Messages)
        {
            switch (message.MessageCase)
            {
                case WorkerMessage.MessageOneofCase.Results:
                    _core.OnResults(message.Results.ContainerId, message.Results.Results, now);
                    break;
                case WorkerMessage.MessageOneofCase.Output:
                    Forward(batch.WorkerSession, message.Output);
                    break;
                case WorkerMessage.MessageOneofCase.Returned:
                    _core.OnReturned(message.Returned.ContainerId, message.Returned.Inputs, now);
                    break;
                case WorkerMessage.MessageOneofCase.Ready:
                    OnReady(message.Ready, now);
                    break;
                case WorkerMessage.MessageOneofCase.Exited:
                    OnExited(message.Exited, now);
                    break;
            }
        }

        return AfterTurn();
    }

    public Task ReleaseIdleAsync()
    {
        if (_core is null)
        {
            return Task.CompletedTask;
        }

        _core.ReleaseIdle(_clock.NowMs);
        return AfterTurn();
    }

    public Task OnWorkerLostAsync(string workerSession)
    {
        if (_core is null)
        {
            return Task.CompletedTask;
        }

        _core.OnWorkerLost(workerSession, _clock.NowMs);
        return AfterTurn();
    }

    public async Task OnPlacementAsync(PlacementNotices news)
    {
        if (_core is null)
        {
            // It has ended, and with it whoever wanted these.
            foreach (var notice in news.Notices.Where(n => n.Outcome == PlacementOutcome.Placed))
            {
                Release(notice.ContainerId);
            }

            await _pool.Sent;
            ForgetUnknown();
            return;
        }

        var now = _clock.NowMs;
        foreach (var notice in news.Notices)
        {
            switch (notice.Outcome)
            {
                case PlacementOutcome.Placed:
                    OnPlaced(notice, now);
                    break;
                case PlacementOutcome.Waiting:
                    _waitingReason = notice.Detail;
                    break;
                case PlacementOutcome.Impossible:
                    _waitingReason = notice.Detail;
                    _core.OnNoCapacity(notice.ContainerId, new Failure { Kind = FailureKind.NoCapacity, Message = $"'{Name}' cannot run: {notice.Detail}. Ask for less, or add a worker." }, now);
                    break;
                case PlacementOutcome.Preempted:
                    _core.OnPreempted(notice.ContainerId, now);
                    break;
                case PlacementOutcome.Drained:
                    _core.OnDraining(notice.ContainerId, now);
                    break;
            }
        }

        await AfterTurn();
    }

    void IFunctionActions.Deliver(string streamId, CallResults results)
    {
        if (_streams.TryGetValue(streamId, out var stream))
        {
            stream.Outbox.PostResults(results);
        }
        else if (streamId == DetachedStream)
        {
            DeliverDetached(results);
        }
    }

    void IFunctionActions.Dispatch(ContainerState container, DispatchInputs inputs)
    {
        // If the worker is gone its loss is on its way here and brings the inputs back.
        if (_workers.TryGet(container.WorkerSession, out var link))
        {
            link.Dispatch(inputs);
        }
    }

    void IFunctionActions.CancelAttempts(ContainerState container, CancelAttempts cancel) => Send(container, new ServerMessage { Cancel = cancel });

    void IFunctionActions.RequestContainer(ContainerState container) =>
        _pool.Add(new PoolRequest(container.Id, this.GetPrimaryKeyString(), _configuration!.AppId, NeedOf(_configuration))
        {
            ClusterId = container.Cluster?.Id ?? "",
            ClusterSize = container.Cluster?.Size ?? 0,
        });

    void IFunctionActions.WithdrawRequest(ContainerState container) => Release(container.Id);

    void IFunctionActions.StopContainer(ContainerState container, TimeSpan grace, string reason)
    {
        _logger.ContainerStopping(container.Id, Name, reason);
        Send(container, new ServerMessage { Stop = new StopContainer { ContainerId = container.Id, GraceMs = (long)grace.TotalMilliseconds, Reason = reason } });
    }

    void IFunctionActions.Released(ContainerState container)
    {
        if (_workers.TryGet(container.WorkerSession, out var link))
        {
            link.Forget(container.Id);
        }

        Release(container.Id);
    }

    private void Release(string containerId) => _pool.Add(new PoolRequest(containerId, this.GetPrimaryKeyString(), "", null));

    // One object for all requests of the same configuration: the pool then recognizes it.
    private ResourceNeed NeedOf(FunctionConfiguration configuration)
    {
        if (_need is null || _needOf != configuration)
        {
            (_need, _needOf) = (ResourceNeed.Of(configuration.Spec, configuration.Code), configuration);
        }

        return _need;
    }

    private void OnPlaced(PlacementNotice notice, long now)
    {
        var session = notice.Detail;
        if (_core!.OnPlaced(notice.ContainerId, session, now) is not { } container)
        {
            // Heard before, or not wanted any more: then the request to forget it may have crossed this answer.
            if (_core.FindContainer(notice.ContainerId) is null)
            {
                Release(notice.ContainerId);
            }

            return;
        }

        _waitingReason = "";
        _logger.ContainerStarting(container.Id, Name, session);
        var start = new StartContainer { ContainerId = container.Id, AppId = _configuration!.AppId, Function = _configuration.Spec, Code = _configuration.Code };
        start.Gpus.AddRange(notice.Gpus);
        if (container.Cluster is { } cluster)
        {
            (start.ClusterId, start.ClusterRank, start.ClusterSize) = (cluster.Id, container.Rank, cluster.Size);
        }

        if (start.Function.Secrets.Count > 0)
        {
            _ = _logger.WatchAsync(StartWithSecretsAsync(start, session));
        }
        else
        {
            Start(start, session, now);
        }
    }

    // The worker gets the values as they are when the container starts.
    private async Task StartWithSecretsAsync(StartContainer start, string session)
    {
        Failure? failure = null;
        try
        {
            var variables = await _secrets.ResolveAsync(start.AppId, start.Function.Secrets);
            start.SecretVariables.Add(variables.ToDictionary());
            start.SecretFingerprint = _secrets.Fingerprint(variables);
        }
        catch (Exception e) when (e is SecretException or DatabaseException or RpcException)
        {
            failure = new Failure { Kind = FailureKind.Startup, Message = $"'{Name}' cannot start: {(e is RpcException rpc ? rpc.Status.Detail : e.Message)}", ContainerId = start.ContainerId };
        }

        var now = _clock.NowMs;
        var container = _core!.FindContainer(start.ContainerId);
        if (container is null || container.WorkerSession != session)
        {
            // Its worker was lost meanwhile.
            return;
        }

        if (container.Phase == ContainerPhase.Starting && failure is null)
        {
            Start(start, session, now);
        }
        else
        {
            // One that was told to stop meanwhile has never been on the worker, which therefore says nothing of it.
            _core.OnExited(start.ContainerId, container.Phase == ContainerPhase.Starting ? ExitReason.StartupFailed : ExitReason.Stopped, failure, now);
        }

        await AfterTurn();
    }

    private void Start(StartContainer start, string session, long now)
    {
        if (!_workers.TryGet(session, out var link) || !link.TryStart(start))
        {
            // The worker went away while the answer was on its way.
            _core!.OnWorkerLost(session, now);
        }
    }

    private void Send(ContainerState container, ServerMessage message)
    {
        if (_workers.TryGet(container.WorkerSession, out var link))
        {
            link.Post(message);
        }
    }

    private void OnReady(ContainerReady ready, long now)
    {
        if (_core!.FindContainer(ready.ContainerId) is { } container)
        {
            var phases = StartPhases.Complete(container.RequestedMs, container.PlacedMs, now, ready.Phases);
            _logger.ContainerReady(container.Id, Name, now - container.RequestedMs, StartPhases.Describe(phases));
            (container.Start, container.FallbackReason) = (ready.Start, ready.FallbackReason);
            _core.OnReady(ready.ContainerId, phases, now);
        }
    }

    private void OnExited(ContainerExited exited, long now)
    {
        _logger.ContainerExited(exited.ContainerId, Name, exited.Reason.ToString(), exited.Failure?.Message ?? "");
        _core!.OnExited(exited.ContainerId, exited.Reason, exited.Failure, now);
    }

    // To the client whose input wrote it; to all of the function's clients if that is not known; to the app if it has none that listens for this function. It
    // is posted before the results that follow it in the worker's stream, to the same outbox, so it arrives before them.
    private void Forward(string workerSession, Output output)
    {
        var message = new CallEvent { Output = output };
        if (output.Input is { } input && input.StreamId != DetachedStream)
        {
            var receipt = ReceiptFor(workerSession, output, 1);
            if (!_streams.TryGetValue(input.StreamId, out var stream))
            {
                receipt.Settle();
            }
            else if (stream.FromContainer)
            {
                PostToApp(output, receipt);
            }
            else
            {
                stream.Outbox.Post(message, receipt);
            }
        }
        else if (output.Input is null && _streams.Values.Count(static s => !s.FromContainer) is var listeners and > 0)
        {
            var receipt = ReceiptFor(workerSession, output, listeners);
            foreach (var stream in _streams.Values.Where(static s => !s.FromContainer))
            {
                stream.Outbox.Post(message, receipt);
            }
        }
        else
        {
            PostToApp(output, ReceiptFor(workerSession, output, 1));
        }
    }

    private Receipt ReceiptFor(string workerSession, Output output, int copies)
    {
        var (containerId, bytes) = (output.ContainerId, output.Data.Length);
        return new Receipt(copies, () =>
        {
            if (_workers.TryGet(workerSession, out var link))
            {
                link.Post(new ServerMessage { OutputAck = new OutputAck { ContainerId = containerId, Bytes = bytes } });
            }
        });
    }
}
