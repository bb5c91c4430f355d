using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Tests.Simulation;
using Modal.Backend.ControlPlane.Workers;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Clients;

public sealed class ClientServiceTests
{
    private readonly Registry<CallOutbox> _calls = new();
    private readonly FunctionThatFailsOnce _function = new();
    private readonly string _stream = Id.New(Id.Call);
    private readonly ClientService _service;

    public ClientServiceTests() => _service = new ClientService(
        new SimulatedOrleans((_, _) => _function), _calls, new Registry<AppOutbox>(), new WorkerArrivals(), Options.Create(new ControlPlaneOptions()), new Lifetime(), NullLogger<ClientService>.Instance);

    [Fact]
    public async Task Call_AfterOpeningFailed_OpensTheStream()
    {
        await Assert.ThrowsAsync<TimeoutException>(OpenAsync);

        await OpenAsync();

        Assert.Equal(2, _function.Opened.Count);
    }

    [Fact]
    public async Task Call_OpeningFailed_TheFunctionHearsThatNobodyListens()
    {
        await Assert.ThrowsAsync<TimeoutException>(OpenAsync);

        Assert.Equal(_function.Opened, _function.Lost);
    }

    private Task OpenAsync() => _service.Call(new OneRequest(Open()), new NoEvents(), new Context());

    private CallRequest Open() => new() { Open = new OpenStream { AppId = Id.New(Id.App), FunctionId = Id.New(Id.Function), StreamId = _stream } };

    // As when the answer of a grain is late.
    private sealed class FunctionThatFailsOnce : IFunctionGrain
    {
        public List<string> Opened { get; } = [];

        public List<string> Lost { get; } = [];

        public Task<OpenStreamResult> OpenStreamAsync(string appId, string streamId, string connectionId, ulong lastSeq, bool fromContainer)
        {
            Opened.Add(connectionId);
            return Opened.Count == 1 ? Task.FromException<OpenStreamResult>(new TimeoutException()) : Task.FromResult(OpenStreamResult.Opened);
        }

        public Task OnStreamLostAsync(string streamId, string connectionId)
        {
            Lost.Add(connectionId);
            return Task.CompletedTask;
        }

        public Task CloseStreamAsync(string streamId) => throw new NotSupportedException();

        public Task ConfigureAsync(FunctionConfiguration configuration) => throw new NotSupportedException();

        public Task OnClientAsync(ClientBatch batch) => throw new NotSupportedException();

        public Task OnWorkerAsync(WorkerBatch batch) => throw new NotSupportedException();

        public Task OnWorkerLostAsync(string workerSession) => throw new NotSupportedException();

        public Task OnPlacementAsync(PlacementNotices news) => throw new NotSupportedException();

        public Task ReleaseIdleAsync() => throw new NotSupportedException();

        public Task StopAsync(string reason) => throw new NotSupportedException();

        public Task RetireAsync(string reason) => throw new NotSupportedException();

        public Task WakeAsync() => throw new NotSupportedException();

        public Task<StatusSnapshot> GetStatusAsync() => throw new NotSupportedException();

        public Task<ScalingOutcome?> UpdateAutoscalerAsync(string appId, ScalingChange change) => throw new NotSupportedException();
    }

    private sealed class OneRequest(CallRequest request) : IAsyncStreamReader<CallRequest>
    {
        private bool _isRead;

        public CallRequest Current => request;

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            var isFirst = !_isRead;
            _isRead = true;
            return Task.FromResult(isFirst);
        }
    }

    private sealed class NoEvents : IServerStreamWriter<CallEvent>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(CallEvent message) => Task.CompletedTask;
    }

    private sealed class Lifetime : IHostApplicationLifetime
    {
        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => throw new NotSupportedException();
    }

    private sealed class Context : ServerCallContext
    {
        protected override string MethodCore => "Call";

        protected override string HostCore => "localhost";

        protected override string PeerCore => "";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore { get; } = [];

        protected override CancellationToken CancellationTokenCore => CancellationToken.None;

        protected override Metadata ResponseTrailersCore { get; } = [];

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore => throw new NotSupportedException();

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

        // Where gRPC's server keeps the request.
        protected override IDictionary<object, object> UserStateCore { get; } = new Dictionary<object, object> { ["__HttpContext"] = new DefaultHttpContext() };

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
    }
}
