using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Connections;
using Modal.Deployments;
using Modal.Protocol;

namespace Modal.Apps;

/// <summary>One connection to the server with the app opened on it, or in a container with the app that its client has open. Replaced as a whole when it breaks.</summary>
internal sealed class AppConnection : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AppSession _session;

    // Null in a container: the app's life is its client's affair.
    private readonly AsyncDuplexStreamingCall<AppRequest, AppEvent>? _app;
    private readonly Protocol.Deployments.DeploymentsClient _deployments;
    private readonly SemaphoreSlim _write = new(1);
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource> _added = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong _lastRequest;
    private Task _read = Task.CompletedTask;

    private AppConnection(AppSession session, GrpcChannel channel, HelloReply hello)
    {
        _session = session;
        _channel = channel;
        Hello = hello;
        Client = new ModalClient.ModalClientClient(channel);
        Images = new Protocol.Images.ImagesClient(channel);
        Calls = new Protocol.Calls.CallsClient(channel);
        _deployments = new Protocol.Deployments.DeploymentsClient(channel);
        Secrets = new Protocol.Secrets.SecretsClient(channel);
        Volumes = new Protocol.Volumes.VolumesClient(channel);
        Transfer = new BlobTransfer(new Blobs.BlobsClient(channel));
        _app = session.IsJoined ? null : Client.RunApp();
    }

    public HelloReply Hello { get; }

    public ModalClient.ModalClientClient Client { get; }

    public Protocol.Images.ImagesClient Images { get; }

    public Protocol.Calls.CallsClient Calls { get; }

    public Protocol.Secrets.SecretsClient Secrets { get; }

    public Protocol.Volumes.VolumesClient Volumes { get; }

    public BlobTransfer Transfer { get; }

    /// <summary>Ends when the server has ended the app, or the connection broke.</summary>
    public Task Ended => _read;

    public static async Task<AppConnection> OpenAsync(AppSession session, ServerAddress address, CancellationToken cancellationToken)
    {
        var (channel, hello) = await ServerHandshake.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        var connection = new AppConnection(session, channel, hello);
        try
        {
            if (connection._app is { } app)
            {
                await connection.OpenAppAsync(app, cancellationToken).ConfigureAwait(false);
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Whether the app that a container belongs to has the function already.</summary>
    public async Task<bool> KnowsAsync(FunctionSpec function)
    {
        var request = new FindMissingFunctionsRequest { AppId = _session.AppId, FunctionIds = { function.FunctionId } };
        return (await Client.FindMissingFunctionsAsync(request).ConfigureAwait(false)).FunctionIds.Count == 0;
    }

    /// <summary>A function of a deployed app, as the server has it.</summary>
    public async Task<FunctionSpec> LookUpAsync(DeployedAppName app, FunctionSpec function)
    {
        var request = new LookupRequest { Environment = app.Environment, App = app.Name, Name = function.Name, ServiceArguments = function.ServiceArguments };
        return (await _deployments.LookupAsync(request).ConfigureAwait(false)).Function;
    }

    public async Task<DeployReply> DeployAsync(DeployRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await _deployments.DeployAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            throw GrpcErrors.ToException(e);
        }
    }

    /// <summary>Stores the files of this program's code that the server does not have.</summary>
    public async Task<CodeVersion> UploadCodeAsync(CancellationToken cancellationToken)
    {
        var code = await _session.CollectCodeAsync(cancellationToken).ConfigureAwait(false);
        var missing = await Transfer.FindMissingAsync(code.Files.Select(f => f.Digest), cancellationToken).ConfigureAwait(false);
        foreach (var file in code.Files.Where(f => missing.Contains(f.Digest)).DistinctBy(f => f.Digest))
        {
            using var content = File.OpenRead(_session.CodePath(file));
            await Transfer.PutAsync(file.Digest, content, cancellationToken).ConfigureAwait(false);
        }

        return code;
    }

    /// <summary>Makes the function known to the server.</summary>
    public async Task AddFunctionAsync(FunctionSpec function)
    {
        if (_app is null)
        {
            await Client.AddMissingFunctionsAsync(new AddMissingFunctionsRequest { AppId = _session.AppId, Functions = { function } }).ConfigureAwait(false);
            return;
        }

        var number = Interlocked.Increment(ref _lastRequest);
        var added = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _added[number] = added;
        await WriteAsync(_app, new AppRequest { AddFunctions = new AddFunctions { Functions = { function }, RequestNumber = number } }, CancellationToken.None).ConfigureAwait(false);
        if (_read.IsCompleted)
        {
            added.TrySetException(Broken());
        }

        await added.Task.ConfigureAwait(false);
    }

    /// <summary>Asks the server to stop the app and waits until it has.</summary>
    public async Task CloseAppAsync(CancellationToken cancellationToken)
    {
        if (_app is null)
        {
            return;
        }

        await WriteAsync(_app, new AppRequest { Close = new CloseApp() }, cancellationToken).ConfigureAwait(false);
        await Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>May be called more than once.</summary>
    public async ValueTask DisposeAsync()
    {
        _app?.Dispose();
        await _read.ConfigureAwait(false);
        _channel.Dispose();
        _write.Dispose();
    }

    private async Task OpenAppAsync(AsyncDuplexStreamingCall<AppRequest, AppEvent> app, CancellationToken cancellationToken)
    {
        var code = await UploadCodeAsync(cancellationToken).ConfigureAwait(false);
        await app.RequestStream.WriteAsync(
            new AppRequest { Open = new OpenApp { AppId = _session.AppId, Name = _session.Name, Code = code } }, cancellationToken).ConfigureAwait(false);
        _read = ReadAsync(app.ResponseStream);
        await _opened.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteAsync(AsyncDuplexStreamingCall<AppRequest, AppEvent> app, AppRequest request, CancellationToken cancellationToken)
    {
        await _write.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await app.RequestStream.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidOperationException e)
        {
            // gRPC's way to say that the call is over.
            throw Broken(e);
        }
        finally
        {
            _write.Release();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever ends the stream is handed to those who wait for it.")]
    private async Task ReadAsync(IAsyncStreamReader<AppEvent> events)
    {
        Exception end = Broken();
        try
        {
            while (await events.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
                var message = events.Current;
                switch (message.EventCase)
                {
                    case AppEvent.EventOneofCase.Opened:
                        _opened.TrySetResult();
                        break;
                    case AppEvent.EventOneofCase.FunctionsAdded:
                        if (_added.TryRemove(message.FunctionsAdded.RequestNumber, out var added))
                        {
                            added.TrySetResult();
                        }

                        break;
                    case AppEvent.EventOneofCase.Output:
                        _session.Console.Write(message.Output);
                        break;
                }
            }
        }
        catch (Exception e)
        {
            end = e;
        }

        _opened.TrySetException(end);
        foreach (var added in _added.Values)
        {
            added.TrySetException(end);
        }

        _session.Lost(this);
    }

    private static RpcException Broken(Exception? cause = null) => new(new Status(StatusCode.Unavailable, "The server ended the app's stream.", cause));
}
