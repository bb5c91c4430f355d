using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>The server's side of one connection of a worker, as <see cref="WorkerGateway"/> serves it; without a call of gRPC, whose threads would not be the simulation's.</summary>
internal sealed class SimulatedSession
{
    private const int MaxBatch = 64;
    private const long HeartbeatMs = 2_000;
    private const long SilenceMs = 3 * HeartbeatMs;

    private readonly World _world;
    private readonly SimulatedWorker _worker;
    private readonly WorkerLink _link;
    private readonly Queue<WorkerMessage> _inbox = new();
    private readonly TaskCompletionSource<string> _over = new();
    private TaskCompletionSource _arrived = new();
    private bool _isCompleted;

    public SimulatedSession(World world, SimulatedWorker worker, string id)
    {
        (_world, _worker, Id) = (world, worker, id);
        _link = new WorkerLink(id) { LastHeardMs = world.Time.NowMs };
        ToWorker = new Pipe<ServerMessage>(world, message => _worker.OnMessage(this, message));
        ToServer = new Pipe<WorkerMessage?>(world, Receive);
    }

    public string Id { get; }

    public Pipe<ServerMessage> ToWorker { get; }

    /// <summary>Null is the end of the stream.</summary>
    public Pipe<WorkerMessage?> ToServer { get; }

    /// <summary>The server has given it up.</summary>
    public bool IsLost { get; private set; }

    public async Task ServeAsync(RegisterWorker register)
    {
        foreach (var earlier in _worker.Sessions.Where(s => s != this && !s.IsLost).ToArray())
        {
            await earlier.LoseAsync("it connected again");
        }

        using var stop = new CancellationTokenSource();
        var reason = "its stream ended";
        try
        {
            _world.Links.Set(Id, _link);
            await _world.Pool.AddWorkerAsync(new WorkerOffer(Id, register));
            var pump = _link.PumpAsync(
                (message, _) =>
                {
                    _world.Invariants.OnSent(Id, message);
                    ToWorker.Send(message);
                    return Task.CompletedTask;
                },
                stop.Token);
            var first = await Task.WhenAny(pump, ReadAllAsync(), _over.Task, WatchAsync());
            reason = first is Task<string> { IsCompletedSuccessfully: true } told ? told.Result : reason;
            await first;
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            reason = "its connection broke";
        }
        finally
        {
            Cancel(stop);
            await LoseAsync(reason);
        }
    }

    /// <summary>The connection is gone, and the server notices.</summary>
    public void Break()
    {
        ToServer.Close();
        ToWorker.Close();
        _world.Time.After(_world.Latency(), () => _over.TrySetResult("its connection broke"));
    }

    // Not CancelAsync: that goes on in a thread of the pool.
    private static void Cancel(CancellationTokenSource source) => source.Cancel();

    private void Receive(WorkerMessage? message)
    {
        if (message is null)
        {
            _isCompleted = true;
        }
        else
        {
            _inbox.Enqueue(message);
        }

        _arrived.TrySetResult();
    }

    private async Task ReadAllAsync()
    {
        while (!_over.Task.IsCompleted)
        {
            if (_inbox.Count == 0)
            {
                if (_isCompleted)
                {
                    return;
                }

                _arrived = new TaskCompletionSource();
                await _arrived.Task;
                continue;
            }

            var batch = new List<WorkerMessage>();
            while (batch.Count < MaxBatch && _inbox.TryDequeue(out var message))
            {
                batch.Add(message);
            }

            await HandleAsync(batch);
        }
    }

    private async Task HandleAsync(List<WorkerMessage> batch)
    {
        _link.LastHeardMs = _world.Time.NowMs;
        var perFunction = new List<(string Function, List<WorkerMessage> Messages)>();
        foreach (var message in batch)
        {
            if (ContainerOf(message) is { } container && _link.FunctionOf(container) is { } function)
            {
                var at = perFunction.FindIndex(p => p.Function == function);
                if (at < 0)
                {
                    at = perFunction.Count;
                    perFunction.Add((function, []));
                }

                perFunction[at].Messages.Add(message);
            }
            else if (message.Heartbeat is { } heartbeat)
            {
                if (_link.ReportStarting(heartbeat.Starting))
                {
                    await _world.Pool.ReportStartingAsync(Id, heartbeat.Starting);
                }
            }
            else if (message.Holdings is { } holdings)
            {
                await _world.Pool.UpdateHoldingsAsync(Id, new HoldingsChange(holdings));
            }
            else if (message.Draining is not null)
            {
                _link.IsDraining = true;
                await _world.Pool.DrainWorkerAsync(Id);
            }
        }

        await Task.WhenAll(perFunction.Select(p => _world.Functions[p.Function].OnWorkerAsync(new WorkerBatch(Id, p.Messages))));
    }

    private async Task WatchAsync()
    {
        while (_world.Time.NowMs - _link.LastHeardMs < SilenceMs && !_over.Task.IsCompleted)
        {
            await _world.Time.DelayAsync(HeartbeatMs);
        }

        _over.TrySetResult("it was silent");
    }

    private async Task LoseAsync(string reason)
    {
        _over.TrySetResult(reason);
        IsLost = true;
        if (!_world.Links.Remove(Id, _link))
        {
            return;
        }

        _world.Log($"{Id} is lost: {reason}");
        _link.Abort();
        ToWorker.Close();
        _worker.OnEnded(this);
        var functions = _link.Lose();
        await UntilHeardAsync(() => _world.Pool.RemoveWorkerAsync(Id));
        await Task.WhenAll(functions.Order(StringComparer.Ordinal).Select(f => UntilHeardAsync(() => _world.Functions[f].OnWorkerLostAsync(Id))));
    }

    private Task UntilHeardAsync(Func<Task> tell) => Retrying.UntilDoneAsync(tell, _world.Time, NullLogger.Instance, CancellationToken.None);

    private static string? ContainerOf(WorkerMessage message) =>
        message.Results?.ContainerId ?? message.Returned?.ContainerId ?? message.Ready?.ContainerId ?? message.Exited?.ContainerId;
}
