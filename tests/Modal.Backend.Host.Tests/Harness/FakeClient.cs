using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.Host.Tests.Harness;

/// <summary>A program with one app and one function, on a connection of its own.</summary>
internal sealed class FakeClient : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ModalClient.ModalClientClient _client;
    private readonly AsyncDuplexStreamingCall<AppRequest, AppEvent> _app;
    private readonly Task _readApp;

    private FakeClient(TestServer server, string appId)
    {
        AppId = appId;
        _client = server.Client();
        Detached = new Calls.CallsClient(server.Connect());
        _app = _client.RunApp(cancellationToken: _stop.Token);
        _readApp = AppEvents.ReadAsync(_app.ResponseStream, null, _stop.Token);
    }

    public string AppId { get; }

    public string FunctionId => Id.Derive(Id.Function, AppId, "Jobs.Square");

    public Awaiting<AppEvent> AppEvents { get; } = new();

    public static async Task<FakeClient> OpenAsync(TestServer server, Action<FunctionSpec>? configure = null, string? appId = null)
    {
        var client = new FakeClient(server, appId ?? Id.New(Id.App));
        var spec = new FunctionSpec { FunctionId = client.FunctionId, Name = "Jobs.Square", Assembly = "Jobs", MaxContainers = 1, Methods = { "Jobs.Square" } };
        configure?.Invoke(spec);
        client.Spec = spec;
        var code = new CodeVersion { Digest = new string('0', 64), Files = { new CodeFile { Path = "Jobs.dll", Digest = new string('0', 64), SizeBytes = 1 } } };
        await client._app.RequestStream.WriteAsync(new AppRequest { Open = new OpenApp { AppId = client.AppId, Name = "test", Code = code, Functions = { spec } } });
        await client.AppEvents.FirstAsync("AppOpened", e => e.Opened);
        return client;
    }

    public async Task<FakeCalls> CallAsync(string? streamId = null, ulong lastSeq = 0)
    {
        var calls = new FakeCalls(_client, streamId ?? Id.New(Id.Call));
        await calls.OpenAsync(AppId, FunctionId, lastSeq);
        return calls;
    }

    public async Task<ScalingSettings> UpdateAutoscalerAsync(ScalingSettings settings, string? functionId = null) =>
        (await _client.UpdateAutoscalerAsync(new UpdateAutoscalerRequest { AppId = AppId, FunctionId = functionId ?? FunctionId, Settings = settings })).Effective;

    /// <summary>Says the app's function again, as a program does whose connection broke.</summary>
    public Task AddFunctionAsync(FunctionSpec function, ulong number) =>
        _app.RequestStream.WriteAsync(new AppRequest { AddFunctions = new AddFunctions { Functions = { function }, RequestNumber = number } });

    /// <summary>Stores inputs of a detached call of its function.</summary>
    public async Task PutDetachedAsync(string callId, int count, int start = 0, bool isLast = true)
    {
        var part = new CallPart { CallId = callId, FirstIndex = (ulong)start, IsLast = isLast };
        part.Inputs.AddRange(Enumerable.Range(start, count).Select(static i => new DetachedInput { Arguments = FakeWorker.PayloadOf(i) }));
        await Detached.PutAsync(new PutCallsRequest { AppId = AppId, FunctionId = FunctionId, Parts = { part } });
    }

    public Calls.CallsClient Detached { get; }

    public FunctionSpec Spec { get; private set; } = new();

    public Task CloseAppAsync() => _app.RequestStream.WriteAsync(new AppRequest { Close = new CloseApp() });

    /// <summary>Goes away without a word, as a killed program does.</summary>
    public async Task KillAsync()
    {
        await _stop.CancelAsync();
        await _readApp;
    }

    /// <summary>Stops the app and waits until it has ended, so that nothing of it meets the next test.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_readApp.IsCompleted)
        {
            await CloseAppAsync();
            await AppEvents.EndedAsync();
        }

        await _stop.CancelAsync();
        await _readApp;
        _app.Dispose();
        _stop.Dispose();
    }
}
