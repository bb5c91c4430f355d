using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Session;

/// <summary>How a worker leaves.</summary>
public sealed class WorkerServiceTests : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly string _state = Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
    private readonly FakeServer _server = new();
    private readonly WaitingBlobs _blobs = new();
    private ServiceProvider? _provider;

    [Fact]
    public async Task StopAsync_NoContainers_SaysThatItDrainsAndEndsTheStream()
    {
        var worker = await StartAsync(TimeSpan.FromSeconds(30));

        await worker.StopAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        await _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Draining);
        await _server.Completed.WaitAsync(s_limit, TestContext.Current.CancellationToken);
        Assert.Equal(1, _server.Dials);
    }

    [Fact]
    public async Task StopAsync_ContainerIsThere_WaitsUntilTheServerHasStoppedIt()
    {
        var worker = await StartAsync(TimeSpan.FromMinutes(10));
        await StartContainerAsync();

        var stopping = worker.StopAsync(TestContext.Current.CancellationToken);
        await _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Draining);
        Assert.False(stopping.IsCompleted);
        _server.Send(new ServerMessage { Stop = new StopContainer { ContainerId = "ta-1" } });

        Assert.Equal("ta-1", (await _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Exited)).Exited.ContainerId);
        await stopping.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task StopAsync_ContainerOutlivesTheGrace_IsEnded()
    {
        var worker = await StartAsync(TimeSpan.FromMilliseconds(1));
        await StartContainerAsync();

        await worker.StopAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        await _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Draining);
        await _server.Completed.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task StopAsync_WithoutGrace_DoesNotDrain()
    {
        var worker = await StartAsync(TimeSpan.Zero);

        await worker.StopAsync(TestContext.Current.CancellationToken).WaitAsync(s_limit, TestContext.Current.CancellationToken);

        Assert.False(_server.Completed.IsCompleted);
    }

    public async ValueTask DisposeAsync()
    {
        _blobs.End();
        if (_provider is not null)
        {
            await _provider.DisposeAsync();
        }

        Directory.Delete(_state, recursive: true);
    }

    private async Task<WorkerService> StartAsync(TimeSpan grace)
    {
        var build = Path.Combine(TestWorker.RepositoryRoot, "Backend");
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance).AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddSingleton<IControlPlaneChannel>(_server).AddSingleton<IWorkerBlobs>(_blobs);
        services.AddModalWorker(o =>
        {
            o.StateDirectory = _state;
            o.ImageFsDirectory = Path.Combine(build, "ImageFs", TestWorker.BuildFolder);
            o.RunnerDirectory = Path.Combine(build, "Runner", TestWorker.BuildFolder);
            o.Sandbox = SandboxKind.Process;
            o.DrainGrace = grace;
        });
        _provider = services.BuildServiceProvider();
        var worker = _provider.GetServices<IHostedService>().OfType<WorkerService>().Single();
        await worker.StartAsync(TestContext.Current.CancellationToken);
        var registered = _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Register);
        // Throws what ended it, if it ended.
        await await Task.WhenAny(registered, worker.ExecuteTask!);
        _server.Send(new ServerMessage { Registered = new WorkerRegistered { HeartbeatIntervalMs = 1_000 } });
        await _server.ReceiveAsync(WorkerMessage.MessageOneofCase.Heartbeat);
        return worker;
    }

    // It is there, and stays at the fetching of its code.
    private async Task StartContainerAsync()
    {
        var code = new CodeVersion { Digest = new string('0', 64), Files = { new CodeFile { Path = "Jobs.dll", Digest = new string('0', 64), SizeBytes = 1 } } };
        _server.Send(new ServerMessage { Start = new StartContainer { ContainerId = "ta-1", AppId = "ap-1", Code = code, Function = new FunctionSpec { FunctionId = "fn-1", Name = "Jobs.Square" } } });
        await _blobs.Asked.WaitAsync(s_limit, TestContext.Current.CancellationToken);
    }

    /// <summary>Blobs that never come.</summary>
    private sealed class WaitingBlobs : IWorkerBlobs
    {
        private readonly TaskCompletionSource _never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public void End() => _never.TrySetCanceled();

        public Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
        {
            _asked.TrySetResult();
            return _never.Task.WaitAsync(cancellationToken);
        }

        public Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
