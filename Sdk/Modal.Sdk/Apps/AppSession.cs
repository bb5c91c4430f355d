using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using Modal.Calls;
using Modal.Connections;
using Modal.Deployments;
using Modal.Images;
using Modal.Protocol;
using Modal.Runtime;
using Modal.Terminal;

namespace Modal.Apps;

/// <summary>
/// An ephemeral app of this process, or the app that this container belongs to: its connection, the streams of its functions, its output. The connection is opened on demand, shared by all streams, and
/// replaced when it breaks; the app keeps its id, so that a server that still has it goes on and one that lost it starts anew.
/// </summary>
internal sealed class AppSession : IAsyncDisposable
{
    // A connection that breaks at once again and again must not be reopened in a tight loop.
    private static readonly TimeSpan s_reopenPause = TimeSpan.FromMilliseconds(100);

    private readonly ServerAddress _address;
    private readonly CodeCollector _collector;
    private readonly ConcurrentDictionary<FunctionTarget, (FunctionStream Stream, int Method)> _targets = new();
    private readonly Dictionary<string, FunctionStream> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<Image, Task<string>> _images = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly bool _needsAspNetCore;
    private Task<AppConnection>? _connection;
    private Task<CodeVersion>? _code;
    private Task? _close;
    private Task _disposals = Task.CompletedTask;
    private string _stopReason = "The app was stopped.";
    private bool _adviceShown;

    /// <summary>An app of this process.</summary>
    public AppSession(string name)
        : this(name, Id.New(Id.App), ServerAddress.FromEnvironment())
    {
        _needsAspNetCore = UsesAspNetCore();
    }

    /// <summary>The app of this container.</summary>
    /// <param name="name">For people.</param>
    /// <param name="container">Where this runs.</param>
    /// <param name="connect">Opens a connection to the server.</param>
    public AppSession(string name, ContainerContext container, Func<CancellationToken, ValueTask<Stream>> connect)
        : this(name, container.AppId, ServerAddress.FromContainer(connect))
    {
        IsInContainer = true;
        _needsAspNetCore = container.NeedsAspNetCore;
    }

    /// <summary>A deployed app, which is there without this process.</summary>
    public AppSession(DeployedAppName app)
        : this(app.Name, app.AppId, ContainerContext.Current is { Connect: { } connect } ? ServerAddress.FromContainer(connect) : ServerAddress.FromEnvironment())
    {
        Deployed = app;
        _needsAspNetCore = UsesAspNetCore();
    }

    private AppSession(string name, string appId, ServerAddress address)
    {
        (Name, AppId, _address) = (name, appId, address);
        _collector = new CodeCollector(AppContext.BaseDirectory);
    }

    /// <summary>Code of this process is called by the app, which others opened and will close.</summary>
    public bool IsInContainer { get; }

    /// <summary>The deployed app; null for one that is there for this process.</summary>
    public DeployedAppName? Deployed { get; }

    /// <summary>Whether the app is there without this process.</summary>
    public bool IsJoined => IsInContainer || Deployed is not null;

    public bool NeedsAspNetCore => _needsAspNetCore;

    public string AppId { get; }

    public string Name { get; }

    public RemoteConsole Console { get; } = new();

    public string Sandbox { get; private set; } = "";

    /// <summary>The stream that serves a handle's function, opened at first use, and the method's number in it.</summary>
    public (FunctionStream Stream, int Method) StreamFor(FunctionTarget target) => _targets.GetOrAdd(target, OpenStream);

    public FunctionStats? StatsOf(FunctionTarget target) => _targets.TryGetValue(target, out var found) ? found.Stream.Stats : null;

    /// <summary>Other bounds for the containers of a function, which is made known to the server first.</summary>
    public async Task<AutoscalerSettings> UpdateAutoscalerAsync(FunctionTarget target, AutoscalerSettings settings, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var stream = StreamFor(target).Stream;
        try
        {
            var connection = await stream.EnsureFunctionAsync(cancellationToken).ConfigureAwait(false);
            var request = new UpdateAutoscalerRequest { AppId = AppId, FunctionId = stream.FunctionId, Settings = settings.ToMessage() };
            var reply = await connection.Client.UpdateAutoscalerAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
            return AutoscalerSettings.From(reply.Effective);
        }
        catch (RpcException e)
        {
            throw GrpcErrors.ToException(e);
        }
    }

    public async Task<BlobTransfer> TransferAsync(CancellationToken cancellationToken) =>
        (await ConnectAsync(cancellationToken).ConfigureAwait(false)).Transfer;

    /// <summary>The connection now in use, opened if there is none.</summary>
    public Task<AppConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Task<AppConnection> connection;
        lock (_gate)
        {
            _stop.Token.ThrowIfCancellationRequested();
            connection = _connection ??= OpenAsync();
        }

        return connection.WaitAsync(cancellationToken);
    }

    /// <summary>Called by whoever notices that a connection broke: the next to ask opens another.</summary>
    public void Lost(AppConnection connection)
    {
        lock (_gate)
        {
            if (_connection is { IsCompletedSuccessfully: true } current && current.Result == connection)
            {
                _connection = null;
                _disposals = Task.WhenAll(_disposals, connection.DisposeAsync().AsTask());
            }
        }
    }

    public Task<CodeVersion> CollectCodeAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_code is null or { IsFaulted: true })
            {
                _code = Task.Run(() => _collector.CollectAsync(_stop.Token));
            }

            return _code.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The id of a built image; empty for the standard base. Functions with the same image share one build.</summary>
    public async Task<string> EnsureImageAsync(AppConnection connection, Image? image, CancellationToken cancellationToken)
    {
        if (image is null or { IsStandardBase: true })
        {
            return "";
        }

        Task<string> build;
        lock (_gate)
        {
            // What failed is tried again: a broken connection, a file that is there by now.
            if (!_images.TryGetValue(image, out build!) || build.IsFaulted || build.IsCanceled)
            {
                _images[image] = build = Task.Run(() => ImageBuild.RunAsync(this, connection, image, _stop.Token), CancellationToken.None);
            }
        }

        return await build.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public string CodePath(CodeFile file) => _collector.FullPath(file);

    /// <summary>What a waiting caller is told when its stream ended for this reason.</summary>
    public Exception ExplainStop(Exception reason) =>
        _stop.IsCancellationRequested ? new OperationCanceledException(_stopReason, reason) : reason;

    /// <summary>Stops the app on the server and everything here. Later calls get the same task.</summary>
    public Task CloseAsync(string reason, TimeSpan limit)
    {
        lock (_gate)
        {
            return _close ??= CloseOnceAsync(reason, limit);
        }
    }

    public async ValueTask DisposeAsync() =>
        // Containers with [Exit] methods may take their time; past this the server finishes without us.
        await CloseAsync("The app was disposed.", TimeSpan.FromSeconds(30)).ConfigureAwait(false);

    private static bool UsesAspNetCore() => AppDomain.CurrentDomain.GetAssemblies().Any(static a => a.GetName().Name == "Microsoft.AspNetCore");

    private async Task<AppConnection> OpenAsync()
    {
        // Off the caller's thread and lock: everything below may be slow.
        await Task.Yield();
        try
        {
            var connection = await AppConnection.OpenAsync(this, _address, _stop.Token).ConfigureAwait(false);
            Sandbox = connection.Hello.Sandbox;
            if (connection.Hello.SandboxAdvice.Length > 0 && !_adviceShown)
            {
                _adviceShown = true;
                Console.WriteNotice(connection.Hello.SandboxAdvice);
            }

            return connection;
        }
        catch
        {
            await Task.Delay(s_reopenPause, CancellationToken.None).ConfigureAwait(false);
            lock (_gate)
            {
                _connection = null;
            }

            throw;
        }
    }

    private (FunctionStream Stream, int Method) OpenStream(FunctionTarget target)
    {
        if (Deployed is not null)
        {
            return OpenDeployedStream(target);
        }

        var (spec, method, volumes) = FunctionSpecs.Build(AppId, target, _needsAspNetCore);

        // In a container the image is almost always known to the server, and what it was made from may not be here.
        Func<Image?> image = () => FunctionSpecs.FindImage(target);
        Func<IReadOnlyList<Secret>> secrets = () => FunctionSpecs.FindSecrets(target);
        if (!IsInContainer)
        {
            var (foundImage, foundSecrets) = (image(), secrets());
            (image, secrets) = (() => foundImage, () => foundSecrets);
        }

        lock (_gate)
        {
            if (!_streams.TryGetValue(spec.FunctionId, out var stream))
            {
                stream = new FunctionStream(this, spec, image, secrets, volumes);
                _streams.Add(spec.FunctionId, stream);
            }

            return (stream, method);
        }
    }

    // What it is the server knows; only its id and the names of its methods are known here.
    private (FunctionStream Stream, int Method) OpenDeployedStream(FunctionTarget target)
    {
        var spec = FunctionSpecs.Name(AppId, target);
        lock (_gate)
        {
            if (!_streams.TryGetValue(spec.FunctionId, out var stream))
            {
                stream = new FunctionStream(this, spec, static () => null, static () => [], []);
                _streams.Add(spec.FunctionId, stream);
            }

            return (stream, stream.NumberOf(target.Name));
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Stopping is best effort: a server that is gone has nothing to stop, and it ends the app by itself when we are gone.")]
    private async Task CloseOnceAsync(string reason, TimeSpan limit)
    {
        await Task.Yield();
        _stopReason = reason;
        Task<AppConnection>? opened;
        lock (_gate)
        {
            opened = _connection;
        }

        if (opened is { IsCompletedSuccessfully: true })
        {
            using var timeout = new CancellationTokenSource(limit);
            try
            {
                await (await opened.ConfigureAwait(false)).CloseAppAsync(timeout.Token).ConfigureAwait(false);
            }
            catch (Exception)
            {
                // See the justification above.
            }
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var stream in _streams.Values)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }

        if (opened is { IsCompletedSuccessfully: true })
        {
            await (await opened.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }

        await _disposals.ConfigureAwait(false);
        Console.Flush();
    }
}
