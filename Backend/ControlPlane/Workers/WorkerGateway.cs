using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Images;
using Modal.Backend.ControlPlane.Placing;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Workers;

/// <summary>What workers speak to. One stream is one session; a worker that is silent for three heartbeats is lost, whatever its connection says.</summary>
internal sealed class WorkerGateway(
    IGrainFactory grains, Registry<WorkerLink> links, Registry<RunningBuild> builds, WorkerArrivals arrivals, Clock clock, IOptions<ControlPlaneOptions> options, IHostApplicationLifetime lifetime,
    ILogger<WorkerGateway> logger) : ModalWorker.ModalWorkerBase
{
    private const int MissedHeartbeats = 3;

    public override async Task Work(IAsyncStreamReader<WorkerMessage> requests, IServerStreamWriter<ServerMessage> responses, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Register is not { } register)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The first message of Work must register the worker."));
        }

        if (Refusal(register) is { } refusal)
        {
            logger.WorkerRefused(refusal);
            await responses.WriteAsync(new ServerMessage { Registered = new WorkerRegistered { Refusal = refusal } });
            return;
        }

        // The same worker again: its earlier session is over, whether or not its connection has noticed.
        foreach (var earlier in links.All.Where(l => WorkerSession.WorkerIdOf(l.Session) == register.WorkerId).ToArray())
        {
            await LoseAsync(earlier, register, "it connected again");
        }

        var session = WorkerSession.New(register.WorkerId);
        var link = new WorkerLink(session) { LastHeardMs = clock.NowMs, Gpus = register.Gpus };
        var reason = "its stream ended";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            link.Post(new ServerMessage { Registered = new WorkerRegistered { HeartbeatIntervalMs = (long)options.Value.HeartbeatInterval.TotalMilliseconds } });
            links.Set(session, link);
            logger.WorkerRegistered(register.WorkerId, session, register.CpuCores, register.MemoryMib, register.Sandbox);
            await grains.GetGrain<IPoolGrain>(0).AddWorkerAsync(new WorkerOffer(session, register));
            arrivals.Add(register);

            var pump = link.PumpAsync((message, more) => ClientService.WriteAsync(responses, message, more), stop.Token);
            var read = StreamBatches.ReadAllAsync(requests, batch => HandleAsync(link, batch), stop.Token);
            var watch = WatchAsync(link, stop.Token);
            var first = await Task.WhenAny(pump, read, watch);
            reason = first == watch ? $"it was silent for {MissedHeartbeats} heartbeats" : reason;
            await stop.CancelAsync();
            await first;
        }
        catch (Exception e) when (ClientService.IsDisconnect(e))
        {
            reason = "its connection broke";
        }
        finally
        {
            await LoseAsync(link, register, reason);
        }
    }

    private static string? Refusal(RegisterWorker worker)
    {
        if (worker.ProtocolRevision != ProtocolRevision.Current)
        {
            return $"The worker speaks revision {worker.ProtocolRevision} of the protocol and this server {ProtocolRevision.Current}: run both from the same version.";
        }

        if (!Id.IsValid(worker.WorkerId, Id.Worker))
        {
            return $"'{worker.WorkerId}' is not a worker's id.";
        }

        if (worker.Gpus.Count > WorkerCapacity.MaxGpus || worker.Gpus.Select(g => g.Uuid).Distinct(StringComparer.Ordinal).Count() != worker.Gpus.Count)
        {
            return $"The worker has {worker.Gpus.Count} GPUs; at most {WorkerCapacity.MaxGpus} are possible, each with a uuid of its own.";
        }

        return worker.CpuCores > 0 && worker.MemoryMib > 0 ? null : "The worker offers no cores or no memory.";
    }

    // One batch per function, in the order in which its messages came; functions are independent of each other.
    private async Task HandleAsync(WorkerLink link, IReadOnlyList<WorkerMessage> batch)
    {
        link.LastHeardMs = clock.NowMs;
        var perFunction = new List<(string Function, List<WorkerMessage> Messages)>(1);
        foreach (var message in batch)
        {
            if (ContainerOf(message) is { } container && link.FunctionOf(container) is { } function)
            {
                var at = perFunction.FindIndex(p => p.Function == function);
                if (at < 0)
                {
                    at = perFunction.Count;
                    perFunction.Add((function, []));
                }

                perFunction[at].Messages.Add(message);
            }
            else if (await HandleOwnAsync(link, message))
            {
                // Of the worker itself.
            }
            else if (message.Build is { } build)
            {
                // Of a build that was given up: the worker has been told to end it.
                if (builds.TryGet(build.BuildId, out var running) && running.Session == link.Session)
                {
                    running.Add(build.Event);
                }
            }
            else if (message.Output is { } output)
            {
                // Of a container that was given up: nobody else tells the worker that it may go on.
                link.Post(new ServerMessage { OutputAck = new OutputAck { ContainerId = output.ContainerId, Bytes = output.Data.Length } });
            }
        }

        if (perFunction.Count == 1)
        {
            await grains.GetGrain<IFunctionGrain>(perFunction[0].Function).OnWorkerAsync(new WorkerBatch(link.Session, perFunction[0].Messages));
        }
        else if (perFunction.Count > 1)
        {
            await Task.WhenAll(perFunction.Select(p => grains.GetGrain<IFunctionGrain>(p.Function).OnWorkerAsync(new WorkerBatch(link.Session, p.Messages))));
        }
    }

    // In order, and before what follows: a worker that drains must not get more because of what it says next.
    private async Task<bool> HandleOwnAsync(WorkerLink link, WorkerMessage message)
    {
        var pool = grains.GetGrain<IPoolGrain>(0);
        switch (message.MessageCase)
        {
            case WorkerMessage.MessageOneofCase.Heartbeat:
                if (link.ReportStarting(Math.Max(0, message.Heartbeat.Starting)))
                {
                    await pool.ReportStartingAsync(link.Session, message.Heartbeat.Starting);
                }

                return true;
            case WorkerMessage.MessageOneofCase.Holdings:
                await pool.UpdateHoldingsAsync(link.Session, new HoldingsChange(message.Holdings));
                return true;
            case WorkerMessage.MessageOneofCase.Draining:
                link.IsDraining = true;
                logger.WorkerDraining(link.Session, message.Draining.Reason);
                await pool.DrainWorkerAsync(link.Session);
                return true;
            default:
                return false;
        }
    }

    private static string? ContainerOf(WorkerMessage message) => message.MessageCase switch
    {
        WorkerMessage.MessageOneofCase.Results => message.Results.ContainerId,
        WorkerMessage.MessageOneofCase.Output => message.Output.ContainerId,
        WorkerMessage.MessageOneofCase.Returned => message.Returned.ContainerId,
        WorkerMessage.MessageOneofCase.Ready => message.Ready.ContainerId,
        WorkerMessage.MessageOneofCase.Exited => message.Exited.ContainerId,
        _ => null,
    };

    private async Task WatchAsync(WorkerLink link, CancellationToken cancellationToken)
    {
        var interval = options.Value.HeartbeatInterval;
        using var timer = new PeriodicTimer(interval, clock.Time);
        while (clock.NowMs - link.LastHeardMs < MissedHeartbeats * interval.TotalMilliseconds)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    private async Task LoseAsync(WorkerLink link, RegisterWorker register, string reason)
    {
        if (!links.Remove(link.Session, link))
        {
            return;
        }

        logger.WorkerLost(register.WorkerId, link.Session, reason);
        link.Abort();
        foreach (var build in builds.All.Where(b => b.Session == link.Session))
        {
            build.Lose();
        }

        var functions = link.Lose();
        await UntilHeardAsync(() => grains.GetGrain<IPoolGrain>(0).RemoveWorkerAsync(link.Session));
        await Task.WhenAll(functions.Select(f => UntilHeardAsync(() => grains.GetGrain<IFunctionGrain>(f).OnWorkerLostAsync(link.Session))));
    }

    // Who does not hear of a loss would wait for the worker for ever.
    private Task UntilHeardAsync(Func<Task> tell) => Retrying.UntilDoneAsync(tell, clock.Time, logger, lifetime.ApplicationStopping);
}
