using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Tests.Gpus;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Session;

/// <summary>What a worker tells its server of itself.</summary>
public sealed class RegistrationTests
{
    [Fact]
    public async Task Work_WorkerWithGpus_RegistersThemAndMeasuresThemInHeartbeats()
    {
        using var standIn = StandInGpus.Make();
        var state = Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
        var server = new FakeServer();
        var services = new ServiceCollection().AddLogging().AddSingleton<IControlPlaneChannel>(server).AddSingleton<IWorkerBlobs>(new LocalBlobs()).AddModalWorker(o =>
        {
            (o.StateDirectory, o.Sandbox, o.Region, o.Pool, o.EphemeralDiskMiB) = (state, SandboxKind.Process, "eu-west", "big", 5000);
            o.ImageFsDirectory = Path.Combine(TestWorker.RepositoryRoot, "Backend", "ImageFs", TestWorker.BuildFolder);
            o.RunnerDirectory = Path.Combine(TestWorker.RepositoryRoot, "Backend", "Runner", TestWorker.BuildFolder);
            standIn.Configure(o);
        });
        await using (var provider = services.BuildServiceProvider())
        {
            var worker = provider.GetServices<IHostedService>().OfType<WorkerService>().Single();
            await worker.StartAsync(TestContext.Current.CancellationToken);

            var register = (await server.NextAsync()).Register;
            Assert.Equal(("eu-west", "big", 5000), (register.Region, register.Pool, register.EphemeralDiskMib));
            Assert.Equal(
                [(StandInGpus.H100, "H100", "NVIDIA H100 80GB HBM3", 81559L), (StandInGpus.A100, "A100-40GB", "NVIDIA A100-SXM4-40GB", 40960L)],
                register.Gpus.Select(g => (g.Uuid, g.Model, g.Name, g.MemoryMib)));

            server.Send(new ServerMessage { Registered = new WorkerRegistered { HeartbeatIntervalMs = 100 } });
            var first = (await server.NextAsync()).Heartbeat;
            Assert.Equal(0, first.Starting);
            Assert.Equal([(StandInGpus.H100, 87, 61), (StandInGpus.A100, 0, 61)], first.Gpus.Select(g => (g.Uuid, g.UtilizationPercent, g.TemperatureCelsius)));

            standIn.Lose();
            WorkerHeartbeat last;
            do
            {
                last = (await server.NextAsync()).Heartbeat;
            }
            while (last.Gpus.Count > 1);

            Assert.Equal([StandInGpus.H100], last.Gpus.Select(g => g.Uuid));
            await worker.StopAsync(TestContext.Current.CancellationToken);
        }

        Directory.Delete(state, recursive: true);
    }

    /// <summary>One end of a session, without a network.</summary>
    private sealed class FakeServer : CallInvoker, IControlPlaneChannel
    {
        private readonly Channel<WorkerMessage> _received = Channel.CreateUnbounded<WorkerMessage>();
        private readonly Channel<ServerMessage> _sent = Channel.CreateUnbounded<ServerMessage>();

        public CallInvoker CreateCallInvoker() => this;

        public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public void Send(ServerMessage message) => Assert.True(_sent.Writer.TryWrite(message));

        public async Task<WorkerMessage> NextAsync() => await _received.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => new(
            (IClientStreamWriter<TRequest>)(object)new Writer(_received.Writer), (IAsyncStreamReader<TResponse>)(object)new Reader(_sent.Reader), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();

        private sealed class Writer(ChannelWriter<WorkerMessage> messages) : IClientStreamWriter<WorkerMessage>
        {
            public WriteOptions? WriteOptions { get; set; }

            public Task WriteAsync(WorkerMessage message) => messages.WriteAsync(message).AsTask();

            public Task WriteAsync(WorkerMessage message, CancellationToken cancellationToken) => messages.WriteAsync(message, cancellationToken).AsTask();

            public Task CompleteAsync()
            {
                messages.TryComplete();
                return Task.CompletedTask;
            }
        }

        private sealed class Reader(ChannelReader<ServerMessage> messages) : IAsyncStreamReader<ServerMessage>
        {
            public ServerMessage Current { get; private set; } = new();

            public async Task<bool> MoveNext(CancellationToken cancellationToken)
            {
                Current = await messages.ReadAsync(cancellationToken);
                return true;
            }
        }
    }
}
