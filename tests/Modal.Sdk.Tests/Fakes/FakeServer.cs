using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Modal.Protocol;

namespace Modal.Sdk.Tests.Fakes;

/// <summary>
/// A server on a Unix socket that answers each input by a given function, at once or when told. Speaks the real protocol over real gRPC, so that the client's
/// connections, batches and resends are the ones it has in life.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly string _socket = Path.Combine(Path.GetTempPath(), $"modal-fake-{Guid.NewGuid():N}.sock");
    private WebApplication? _app;

    public required Func<Input, IEnumerable<CallResult>> Answer { get; init; }

    public ConcurrentQueue<Input> Inputs { get; } = new();

    public ConcurrentQueue<CancelInputs> Cancels { get; } = new();

    public ConcurrentQueue<OpenStream> Streams { get; } = new();

    public ConcurrentQueue<FunctionSpec> Functions { get; } = new();

    /// <summary>Whether containers are told that the app has all functions.</summary>
    public bool KnowsFunctions { get; set; } = true;

    /// <summary>Apps of which a container asked for functions.</summary>
    public ConcurrentQueue<string> AskedApps { get; } = new();

    /// <summary>Refuses everything with it.</summary>
    public Status? Refusal { get; set; }

    public ConcurrentQueue<BuildImageRequest> Builds { get; } = new();

    /// <summary>What happens in a build; without it builds are refused.</summary>
    public Func<BuildImageRequest, IEnumerable<BuildEvent>>? Build { get; set; }

    /// <summary>Secrets that were put for an app.</summary>
    public ConcurrentQueue<PutAppSecretRequest> Secrets { get; } = new();

    /// <summary>Secrets that functions name; those whose name begins with "missing" are.</summary>
    public ConcurrentQueue<SecretReference> CheckedSecrets { get; } = new();

    public ConcurrentQueue<UpdateAutoscalerRequest> ScalingUpdates { get; } = new();

    public ConcurrentDictionary<string, byte[]> Blobs { get; } = new();

    public ConcurrentQueue<string> OpenedApps { get; } = new();

    public int ClosedApps;

    /// <summary>Ends the stream with UNAVAILABLE after that many inputs, once.</summary>
    public int BreakAfterInputs { get; set; } = int.MaxValue;

    /// <summary>Resolves when the first CancelInputs arrives.</summary>
    public TaskCompletionSource<CancelInputs> Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Url => $"unix://{_socket}";

    public string Socket => _socket;

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.ListenUnixSocket(_socket, o => o.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(o => o.MaxReceiveMessageSize = null);
        builder.Services.AddSingleton(this);
        _app = builder.Build();
        _app.MapGrpcService<FakeClientService>();
        _app.MapGrpcService<FakeBlobsService>();
        _app.MapGrpcService<FakeImagesService>();
        _app.MapGrpcService<FakeSecretsService>();
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            await _app.StopAsync(soon.Token);
            await _app.DisposeAsync();
        }
    }
}

internal sealed class FakeClientService(FakeServer server) : ModalClient.ModalClientBase
{
    public override Task<HelloReply> Hello(HelloRequest request, ServerCallContext context) => server.Refusal is { } refusal
        ? throw new RpcException(refusal)
        : Task.FromResult(new HelloReply { ServerVersion = "fake", ProtocolRevision = ProtocolRevision.Current, Sandbox = "fake" });

    public override Task<UpdateAutoscalerReply> UpdateAutoscaler(UpdateAutoscalerRequest request, ServerCallContext context)
    {
        server.ScalingUpdates.Enqueue(request);
        var effective = new ScalingSettings { MinContainers = 0, MaxContainers = 10, BufferContainers = 0, ScaledownWindowMs = 60_000 };
        effective.MergeFrom(request.Settings);
        return request.Settings.MinContainers > effective.MaxContainers
            ? throw new RpcException(new Status(StatusCode.InvalidArgument, "MinContainers must be at most MaxContainers."))
            : Task.FromResult(new UpdateAutoscalerReply { Effective = effective });
    }

    public override Task<FindMissingFunctionsReply> FindMissingFunctions(FindMissingFunctionsRequest request, ServerCallContext context)
    {
        server.AskedApps.Enqueue(request.AppId);
        return Task.FromResult(new FindMissingFunctionsReply { FunctionIds = { request.FunctionIds.Where(id => !server.KnowsFunctions && server.Functions.All(f => f.FunctionId != id)) } });
    }

    public override Task<AddMissingFunctionsReply> AddMissingFunctions(AddMissingFunctionsRequest request, ServerCallContext context)
    {
        foreach (var function in request.Functions)
        {
            server.Functions.Enqueue(function);
        }

        return Task.FromResult(new AddMissingFunctionsReply());
    }

    public override async Task RunApp(IAsyncStreamReader<AppRequest> requests, IServerStreamWriter<AppEvent> events, ServerCallContext context)
    {
        try
        {
            await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
            {
                switch (request.RequestCase)
                {
                    case AppRequest.RequestOneofCase.Open:
                        server.OpenedApps.Enqueue(request.Open.AppId);
                        await events.WriteAsync(new AppEvent { Opened = new AppOpened { AppGraceMs = 5000 } });
                        break;
                    case AppRequest.RequestOneofCase.AddFunctions:
                        foreach (var function in request.AddFunctions.Functions)
                        {
                            server.Functions.Enqueue(function);
                        }

                        await events.WriteAsync(new AppEvent { FunctionsAdded = new FunctionsAdded { RequestNumber = request.AddFunctions.RequestNumber } });
                        break;
                    case AppRequest.RequestOneofCase.Close:
                        Interlocked.Increment(ref server.ClosedApps);
                        return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client left.
        }
    }

    public override async Task Call(IAsyncStreamReader<CallRequest> requests, IServerStreamWriter<CallEvent> events, ServerCallContext context)
    {
        var seq = 0UL;
        var seen = 0;
        try
        {
            await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
            {
                switch (request.RequestCase)
                {
                    case CallRequest.RequestOneofCase.Open:
                        server.Streams.Enqueue(request.Open);
                        await events.WriteAsync(new CallEvent { Opened = new StreamOpened() });
                        break;
                    case CallRequest.RequestOneofCase.Cancel:
                        server.Cancels.Enqueue(request.Cancel);
                        server.Cancelled.TrySetResult(request.Cancel);
                        break;
                    case CallRequest.RequestOneofCase.Inputs:
                        foreach (var input in request.Inputs.Inputs)
                        {
                            if (seen++ >= server.BreakAfterInputs)
                            {
                                server.BreakAfterInputs = int.MaxValue;
                                throw new RpcException(new Status(StatusCode.Unavailable, "broken on purpose"));
                            }

                            server.Inputs.Enqueue(input);
                            foreach (var result in server.Answer(input))
                            {
                                result.Seq = ++seq;
                                // An answer that names its input stands for another than the one that came last.
                                result.Index = result.Call == 0 ? input.Index : result.Index;
                                result.Call = input.Call;
                                await events.WriteAsync(new CallEvent { Results = new CallResults { Results = { result } } });
                            }
                        }

                        break;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client left.
        }
    }
}

internal sealed class FakeBlobsService(FakeServer server) : Blobs.BlobsBase
{
    public override Task<FindMissingReply> FindMissing(FindMissingRequest request, ServerCallContext context) =>
        Task.FromResult(new FindMissingReply { Digests = { request.Digests.Where(d => !server.Blobs.ContainsKey(d)) } });

    public override async Task<PutReply> Put(IAsyncStreamReader<BlobChunk> chunks, ServerCallContext context)
    {
        var bytes = new MemoryStream();
        var digest = "";
        await foreach (var chunk in chunks.ReadAllAsync(context.CancellationToken))
        {
            digest = digest.Length == 0 ? chunk.Digest : digest;
            bytes.Write(chunk.Data.Span);
        }

        return new PutReply { Stored = server.Blobs.TryAdd(digest, bytes.ToArray()) };
    }

    public override async Task Get(GetRequest request, IServerStreamWriter<BlobChunk> chunks, ServerCallContext context)
    {
        if (!server.Blobs.TryGetValue(request.Digest, out var bytes))
        {
            throw new RpcException(new Status(StatusCode.NotFound, $"No blob {request.Digest}."));
        }

        foreach (var chunk in bytes.Chunk(512 * 1024))
        {
            await chunks.WriteAsync(new BlobChunk { Data = Google.Protobuf.ByteString.CopyFrom(chunk) });
        }
    }
}

internal sealed class FakeImagesService(FakeServer server) : Modal.Protocol.Images.ImagesBase
{
    public override async Task Build(BuildImageRequest request, IServerStreamWriter<BuildEvent> responses, ServerCallContext context)
    {
        server.Builds.Enqueue(request);
        foreach (var happened in server.Build?.Invoke(request) ?? throw new RpcException(new Status(StatusCode.Unimplemented, "This test builds no images.")))
        {
            await responses.WriteAsync(happened);
        }
    }
}

internal sealed class FakeSecretsService(FakeServer server) : Modal.Protocol.Secrets.SecretsBase
{
    public override Task<PutAppSecretReply> PutForApp(PutAppSecretRequest request, ServerCallContext context)
    {
        server.Secrets.Enqueue(request);
        return Task.FromResult(new PutAppSecretReply());
    }

    public override Task<CheckSecretsReply> Check(CheckSecretsRequest request, ServerCallContext context)
    {
        foreach (var secret in request.Secrets)
        {
            server.CheckedSecrets.Enqueue(secret);
        }

        return request.Secrets.FirstOrDefault(static s => s.Name.StartsWith("missing", StringComparison.Ordinal)) is { } missing
            ? throw new RpcException(new Status(StatusCode.NotFound, $"There is no secret '{missing.Name}'."))
            : Task.FromResult(new CheckSecretsReply());
    }
}
