using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Containers;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Clients;

/// <summary>What clients speak to: carries their streams to the grains that own the state.</summary>
internal sealed partial class ClientService(
    IGrainFactory grains, Registry<CallOutbox> calls, Registry<AppOutbox> apps, WorkerArrivals arrivals, IOptions<ControlPlaneOptions> options,
    IHostApplicationLifetime lifetime, ILogger<ClientService> logger) : ModalClient.ModalClientBase
{
    public override async Task<HelloReply> Hello(HelloRequest request, ServerCallContext context)
    {
        var worker = options.Value.IsLocalDaemon && request.ClientVersion.Length > 0
            ? await arrivals.FindAsync(() => arrivals.Latest, context.CancellationToken)
            : arrivals.Latest;
        if (context.Container() is not null)
        {
            return new HelloReply { ServerVersion = Version, ProtocolRevision = ProtocolRevision.Current, Refusal = Refusal(request.ProtocolRevision), Sandbox = worker?.Sandbox ?? "" };
        }

        var running = await grains.GetGrain<IAppDirectoryGrain>(0).CountAttachedAsync();
        return new HelloReply
        {
            ServerVersion = Version,
            ProtocolRevision = ProtocolRevision.Current,
            Refusal = Refusal(request.ProtocolRevision),
            Sandbox = worker?.Sandbox ?? "",
            SandboxAdvice = worker is null or { SandboxAdvice.Length: 0 } ? "" : $"Containers are NOT isolated: {worker.SandboxAdvice}",
            HostBuild = options.Value.HostBuild,
            RunningApps = running,
            Pid = Environment.ProcessId,
        };
    }

    public override async Task RunApp(IAsyncStreamReader<AppRequest> requests, IServerStreamWriter<AppEvent> events, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Open is not { } open)
        {
            throw Invalid("The first message of RunApp must open the app.");
        }

        RequestChecks.Check(open);
        var connection = Guid.NewGuid().ToString("N");
        var grain = grains.GetGrain<IAppGrain>(open.AppId);
        var outbox = new AppOutbox(connection);
        apps.Set(open.AppId, outbox);
        var closed = false;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            if (!await grain.OpenAsync(new AppOpening(connection, open)))
            {
                throw new RpcException(new Status(StatusCode.FailedPrecondition, $"The app {open.AppId} is being stopped."));
            }

            outbox.Post(new AppEvent { Opened = new AppOpened { AppGraceMs = (long)options.Value.AppGrace.TotalMilliseconds } });
            var pump = outbox.PumpAsync((message, more) => WriteAsync(events, message, more), stop.Token);
            var read = ReadAppAsync();
            await Task.WhenAny(pump, read);
            closed = read.IsCompletedSuccessfully;
            if (!read.IsFaulted && closed)
            {
                // The client asked to stop: its stream ends when the last container has.
                await pump;
            }
            else
            {
                await stop.CancelAsync();
                await read;
            }
        }
        catch (Exception e) when (IsDisconnect(e))
        {
            // The app outlives the connection by its grace time.
        }
        finally
        {
            await stop.CancelAsync();
            apps.Remove(open.AppId, outbox);
            outbox.Abort();
            if (!closed)
            {
                await grain.OnLostAsync(connection);
            }
        }

        async Task ReadAppAsync()
        {
            while (await requests.MoveNext(stop.Token))
            {
                switch (requests.Current.RequestCase)
                {
                    case AppRequest.RequestOneofCase.AddFunctions:
                        RequestChecks.Check(requests.Current.AddFunctions.Functions);
                        await grain.AddFunctionsAsync(new FunctionList(requests.Current.AddFunctions.Functions));
                        outbox.Post(new AppEvent { FunctionsAdded = new FunctionsAdded { RequestNumber = requests.Current.AddFunctions.RequestNumber } });
                        break;
                    case AppRequest.RequestOneofCase.Close:
                        await grain.LeaveAsync("its client closed it");
                        return;
                    default:
                        throw Invalid("An app can be opened once per stream.");
                }
            }

            await grain.LeaveAsync("its client ended the stream");
        }
    }

    public override async Task Call(IAsyncStreamReader<CallRequest> requests, IServerStreamWriter<CallEvent> events, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken) || requests.Current.Open is not { } open)
        {
            throw Invalid("The first message of Call must open the stream.");
        }

        RequestChecks.Check(open);
        var container = context.RequireApp(open.AppId);
        var connection = Guid.NewGuid().ToString("N");
        var grain = grains.GetGrain<IFunctionGrain>(open.FunctionId);
        var outbox = calls.GetOrAdd(open.StreamId, static _ => new CallOutbox());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        // Before the grain posts: what it posts is for this connection.
        outbox.Attach(connection, stop);
        var isKnown = true;
        try
        {
            if (await grain.OpenStreamAsync(open.AppId, open.StreamId, connection, open.LastSeq, container is not null) == OpenStreamResult.UnknownFunction)
            {
                isKnown = false;
                calls.Remove(open.StreamId, outbox);
                throw new RpcException(new Status(StatusCode.NotFound, $"The app {open.AppId} has no function {open.FunctionId}, or is being stopped."));
            }

            var pump = outbox.PumpAsync((message, more) => WriteAsync(events, message, more), stop.Token);
            var read = StreamBatches.ReadAllAsync(requests, batch => grain.OnClientAsync(new ClientBatch(open.StreamId, connection, batch)), stop.Token);
            var first = await Task.WhenAny(pump, read);
            await stop.CancelAsync();
            await first;
        }
        catch (TooManyInputsException)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, "The stream has more unfinished inputs than the server takes, 1,000,000. Wait for results before sending more."));
        }
        catch (Exception e) when (IsDisconnect(e))
        {
            // The stream outlives the connection by its grace time.
        }
        finally
        {
            // Also if opening failed: the next connection must not find this one, and the grain may have opened the stream though its answer was lost.
            outbox.Detach(stop);
            if (isKnown)
            {
                await logger.WatchAsync(grain.OnStreamLostAsync(open.StreamId, connection));

                // Nobody waits for what a container called that is gone.
                container?.Ended.UnsafeRegister(_ => { _ = logger.WatchAsync(grain.CloseStreamAsync(open.StreamId)); }, null);
            }
        }
    }

    public override async Task<ShutdownReply> Shutdown(ShutdownRequest request, ServerCallContext context)
    {
        if (!options.Value.IsLocalDaemon)
        {
            throw new RpcException(new Status(StatusCode.PermissionDenied, "This server is not a local daemon; only its operator can stop it."));
        }

        var running = await grains.GetGrain<IAppDirectoryGrain>(0).CountAttachedAsync();
        var stopping = request.Force || running == 0;
        if (stopping)
        {
            // After the answer has left.
            _ = Task.Delay(50, CancellationToken.None).ContinueWith(_ => lifetime.StopApplication(), TaskScheduler.Default);
        }

        return new ShutdownReply { RunningApps = running, Stopping = stopping };
    }

    public override async Task<StatusReply> GetStatus(StatusRequest request, ServerCallContext context)
    {
        var reply = new StatusReply();
        foreach (var appId in await grains.GetGrain<IAppDirectoryGrain>(0).ListAsync())
        {
            reply.Apps.Add((await grains.GetGrain<IAppGrain>(appId).GetStatusAsync()).Status);
        }

        reply.Workers.AddRange((await grains.GetGrain<IPoolGrain>(0).GetStatusAsync()).Workers);
        return reply;
    }

    public override async Task<UpdateAutoscalerReply> UpdateAutoscaler(UpdateAutoscalerRequest request, ServerCallContext context)
    {
        RequestChecks.Check(request);
        context.RequireApp(request.AppId);
        return await grains.GetGrain<IFunctionGrain>(request.FunctionId).UpdateAutoscalerAsync(request.AppId, new ScalingChange(request.Settings ?? new ScalingSettings())) switch
        {
            null => throw new RpcException(new Status(StatusCode.NotFound, $"The app {request.AppId} has no function {request.FunctionId}, or is being stopped.")),
            { Fault: { Length: > 0 } fault } => throw Invalid(fault),
            var outcome => new UpdateAutoscalerReply { Effective = outcome.Effective },
        };
    }

    internal static Task WriteAsync<T>(IServerStreamWriter<T> writer, T message, bool more)
    {
        writer.WriteOptions = more ? new WriteOptions(WriteFlags.BufferHint) : null;
        return writer.WriteAsync(message);
    }

    // Whatever shape a broken connection takes: the other side is gone, or we are leaving.
    internal static bool IsDisconnect(Exception e) => e is OperationCanceledException or IOException or InvalidOperationException { Source: "Grpc.AspNetCore.Server" };

    private static string Version { get; } = typeof(ClientService).Assembly.GetName().Version?.ToString() ?? "";

    private static string Refusal(int revision) => revision == ProtocolRevision.Current ? ""
        : revision < ProtocolRevision.Current
            ? $"The client speaks revision {revision} of the protocol and this server {ProtocolRevision.Current}: update the Modal.Sdk package of the program."
            : $"The client speaks revision {revision} of the protocol and this server {ProtocolRevision.Current}: update the server.";

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));
}
