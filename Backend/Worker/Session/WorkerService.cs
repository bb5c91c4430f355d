using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Containers;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Runners;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Backend.Worker.Snapshots;
using Modal.Backend.Worker.Volumes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Session;

/// <summary>
/// Dials the server, registers, and serves until the stream breaks; then ends its containers, whose inputs the server has given to others, and dials again.
/// Owns all containers.
/// </summary>
internal sealed class WorkerService(
    IControlPlaneChannel channel, IOptions<WorkerOptions> options, SandboxProbe probe, CodeVersions code, WorkerImages images, VolumeService volumes, SnapshotService snapshots, IWorkerBlobs blobs, GpuInventory gpus,
    TimeProvider time, ILogger<WorkerService> logger)
    : BackgroundService
{
    private const int MaxDelayFactor = 30;

    // Timeouts are kept to this; a shorter tick would cost an idle machine more than it is worth.
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(100);

    // A server that answers does so within milliseconds; with another there is nothing to wait for.
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(2);

    private readonly WorkerOptions _options = options.Value;
    private readonly Holdings _holdings = new();
    private readonly ConcurrentDictionary<string, Container> _containers = new(StringComparer.Ordinal);

    // The session that the server has accepted; null while there is none.
    private volatile SessionOutbox? _registered;
    private volatile bool _isStopping;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Off the thread that starts the host: finding a sandbox may take a second.
        await Task.Yield();
        var choice = await probe.ChooseAsync(stoppingToken);
        if (gpus.Gpus.Count > 0 && choice.Factory is GVisorSandboxFactory gVisor && await gVisor.FindGpuObstacleAsync(gpus.DriverVersion) is { } obstacle)
        {
            gpus.Exclude(obstacle);
        }

        choice.Factory.RemoveLeftovers();
        code.CleanUp();
        volumes.CleanUp();
        snapshots.CleanUp();
        var containerImages = images.Open(choice.Factory);
        await using var runners = new RunnerPool(
            choice.Factory, containerImages, snapshots, Path.Combine(_options.StateDirectory, "containers"), choice.Factory.Kind == "gvisor" ? _options.WaitingRunners ?? 2 * Environment.ProcessorCount : 0, time, logger);
        var services = new ContainerServices(
            _options, choice.Factory, code, containerImages, volumes, snapshots, runners, _holdings, blobs, gpus, new SemaphoreSlim(ConcurrentStarts), channel.ConnectAsync, time, logger);
        var diskMiB = _options.EphemeralDiskMiB > 0 ? _options.EphemeralDiskMiB : new DriveInfo(_options.StateDirectory).AvailableFreeSpace / 1024 / 1024 * 8 / 10;
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested && !_isStopping)
        {
            var cause = "the server ended it";
            try
            {
                // Anew for each session: a GPU may have been lost in the last.
                if (await ServeAsync(services, Describe(choice, diskMiB), () => failures = 0, stoppingToken))
                {
                    return;
                }
            }
            catch (Exception e) when (e is RpcException or OperationCanceledException or IOException or InvalidOperationException)
            {
                cause = e is RpcException rpc ? rpc.Status.Detail : e.Message;
            }

            await EndContainersAsync();
            if (!stoppingToken.IsCancellationRequested && !_isStopping)
            {
                var delay = _options.ReconnectDelay * Math.Min(1 << Math.Min(failures++, 10), MaxDelayFactor);
                Log.ConnectionLost(logger, delay, cause);
                await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private int ConcurrentStarts => _options.ConcurrentStarts > 0 ? _options.ConcurrentStarts : Environment.ProcessorCount;

    /// <summary>Lets its containers finish while the server replaces them, then ends the session.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        if (_registered is { } session && _options.DrainGrace > TimeSpan.Zero)
        {
            Log.Draining(logger, _containers.Count, _options.DrainGrace);
            session.Post(new WorkerMessage { Draining = new WorkerDraining { Reason = "it was asked to stop" } });
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            using var timer = time.CreateTimer(_ => limit.Cancel(), null, _options.DrainGrace, Timeout.InfiniteTimeSpan);
            while (_registered == session && !limit.IsCancellationRequested && _containers.Values.FirstOrDefault(static c => !c.Ended.IsCompleted) is { } container)
            {
                await container.Ended.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            // The last results must reach the server: the stream is ended, not broken off.
            session.Complete();
            await (ExecuteTask ?? Task.CompletedTask).WaitAsync(s_farewell, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    private RegisterWorker Describe(SandboxChoice choice, long diskMiB) => new()
    {
        WorkerId = WorkerIdentity.Load(_options.StateDirectory),
        Version = typeof(WorkerService).Assembly.GetName().Version?.ToString() ?? "",
        ProtocolRevision = ProtocolRevision.Current,
        CpuCores = _options.CpuCores > 0 ? _options.CpuCores : Environment.ProcessorCount,
        MemoryMib = _options.MemoryMiB > 0 ? _options.MemoryMiB : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024 / 1024 * 8 / 10,
        Sandbox = choice.Factory.Kind,
        SandboxAdvice = choice.Advice,
        Region = _options.Region,
        Pool = _options.Pool,
        EphemeralDiskMib = diskMiB,
        Gpus = { gpus.Gpus.Select(static g => new WorkerGpu { Uuid = g.Uuid, Model = g.Model, Name = g.Name, MemoryMib = g.MemoryMiB }) },
    };

    // True if the server refused us for good.
    private async Task<bool> ServeAsync(ContainerServices services, RegisterWorker register, Action registered, CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var outbox = new SessionOutbox();
        var builds = images.NewSession(outbox);
        using var call = new ModalWorker.ModalWorkerClient(channel.CreateCallInvoker()).Work(cancellationToken: stop.Token);
        outbox.Post(new WorkerMessage { Register = register });
        var pump = outbox.PumpAsync(call.RequestStream, stop.Token);
        var tick = Task.CompletedTask;
        try
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync(stop.Token))
            {
                if (message.Registered is { Refusal.Length: > 0 } refused)
                {
                    Log.Refused(logger, refused.Refusal);
                    return true;
                }

                if (message.Registered is { } welcome)
                {
                    registered();
                    _registered = outbox;
                    _holdings.Attach(outbox);
                    Log.Registered(logger, register.WorkerId, register.CpuCores, register.MemoryMib);
                    tick = TickAsync(services, outbox, TimeSpan.FromMilliseconds(welcome.HeartbeatIntervalMs), stop.Token);
                    continue;
                }

                Handle(message, services, builds, outbox);
            }

            return false;
        }
        finally
        {
            _registered = null;
            _holdings.Attach(null);
            await stop.CancelAsync();
            await Task.WhenAll(pump, tick, builds.StopAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Handle(ServerMessage message, ContainerServices services, RunningBuilds builds, SessionOutbox outbox)
    {
        switch (message.MessageCase)
        {
            case ServerMessage.MessageOneofCase.Start:
                var container = new Container(message.Start, services, outbox);
                _containers[container.Id] = container;
                _ = container.Ended.ContinueWith(_ => _containers.TryRemove(container.Id, out Container? _), TaskScheduler.Default);
                break;
            case ServerMessage.MessageOneofCase.Stop when Find(message.Stop.ContainerId) is { } stopped:
                stopped.Stop(TimeSpan.FromMilliseconds(message.Stop.GraceMs), message.Stop.Reason);
                break;
            case ServerMessage.MessageOneofCase.Dispatch when Find(message.Dispatch.ContainerId) is { } target:
                target.Dispatch(message.Dispatch.Attempts);
                break;
            case ServerMessage.MessageOneofCase.Cancel when Find(message.Cancel.ContainerId) is { } cancelled:
                cancelled.Cancel(message.Cancel.Inputs);
                break;
            case ServerMessage.MessageOneofCase.OutputAck when Find(message.OutputAck.ContainerId) is { } heard:
                heard.Acknowledge(message.OutputAck.Bytes);
                break;
            case ServerMessage.MessageOneofCase.Build:
                builds.Start(message.Build);
                break;
            case ServerMessage.MessageOneofCase.CancelBuild:
                builds.Cancel(message.CancelBuild.BuildId);
                break;
        }
    }

    private Container? Find(string id) => _containers.GetValueOrDefault(id);

    private async Task TickAsync(ContainerServices services, SessionOutbox outbox, TimeSpan heartbeat, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(s_tick, time);
        var last = time.GetTimestamp();
        outbox.Post(Heartbeat());
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            foreach (var container in _containers.Values)
            {
                container.Tick();
            }

            services.Runners.Tick(isBusy: services.StartSlots.CurrentCount < ConcurrentStarts);

            if (time.GetElapsedTime(last) >= heartbeat)
            {
                last = time.GetTimestamp();
                outbox.Post(Heartbeat());
            }
        }
    }

    private WorkerMessage Heartbeat() => new()
    {
        Heartbeat = new WorkerHeartbeat { TimeMs = time.GetUtcNow().ToUnixTimeMilliseconds(), Starting = _containers.Values.Count(static c => c.IsStarting), Gpus = { gpus.Measure() } },
    };

    private async Task EndContainersAsync()
    {
        var containers = _containers.Values.ToArray();
        foreach (var container in containers)
        {
            container.Stop(TimeSpan.Zero, "the connection to the server ended");
        }

        await Task.WhenAll(containers.Select(c => c.Ended));
    }
}
