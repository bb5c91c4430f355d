using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Blobs;
using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Deployments;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Apps;

/// <summary>An ephemeral app: lives as long as its stream, and a grace time longer if the stream breaks; longer than both while its functions have detached calls.</summary>
[Reentrant]
[KeepAlive]
internal sealed partial class AppGrain : Grain, IAppGrain, IDeployedAppGrain, IDisposable
{
    private readonly Clock _clock;
    private readonly Registry<AppOutbox> _outboxes;
    private readonly DeploymentStore _deployments;
    private readonly SecretStore _secrets;
    private readonly ILogger<AppGrain> _logger;
    private readonly TimeSpan _grace;
    private readonly Wakeup _wakeup;
    private readonly Dictionary<string, FunctionSpec> _functions = new(StringComparer.Ordinal);
    private readonly HashSet<string> _stopping = new(StringComparer.Ordinal);
    private readonly HashSet<string> _holders = new(StringComparer.Ordinal);
    private OpenApp? _app;
    private string _connectionId = "";
    private long? _closeAtMs;
    private bool _isClosing;
    private string? _leftBecause;

    public AppGrain(
        Clock clock, Registry<AppOutbox> outboxes, DeploymentStore deployments, SecretStore secrets, IOptions<ControlPlaneOptions> options, ILogger<AppGrain> logger)
    {
        _clock = clock;
        _outboxes = outboxes;
        _deployments = deployments;
        _secrets = secrets;
        _logger = logger;
        _grace = options.Value.AppGrace;
        var self = this.AsReference<IAppGrain>();
        _wakeup = new Wakeup(clock, self.WakeAsync, logger);
    }

    public void Dispose()
    {
        _wakeup.Dispose();
        _deploying.Dispose();
    }

    public async Task<bool> OpenAsync(AppOpening opening)
    {
        if (_isClosing || _deployed is not null)
        {
            return false;
        }

        var isNew = _app is null;
        _app = opening.App;
        _connectionId = opening.ConnectionId;
        _closeAtMs = null;
        _leftBecause = null;
        if (isNew)
        {
            _logger.AppOpened(this.GetPrimaryKeyString(), _app.Name);
            await GrainFactory.GetGrain<IAppDirectoryGrain>(0).AddAsync(this.GetPrimaryKeyString());
        }

        await GrainFactory.GetGrain<IAppDirectoryGrain>(0).SetAttachedAsync(this.GetPrimaryKeyString(), isAttached: true);
        await ConfigureAsync(opening.App.Functions);
        return true;
    }

    public Task AddFunctionsAsync(FunctionList functions) => _app is null || _isClosing ? Task.CompletedTask : ConfigureAsync(functions.Functions);

    public Task OnLostAsync(string connectionId)
    {
        if (_app is null)
        {
            // It ended before its connection did; this id must not stay in memory.
            DeactivateOnIdle();
        }
        else if (!_isClosing && connectionId == _connectionId)
        {
            _logger.AppLost(this.GetPrimaryKeyString(), _grace);
            _closeAtMs = _clock.NowMs + (long)_grace.TotalMilliseconds;
            _wakeup.SetFor(_closeAtMs);
        }

        return Task.CompletedTask;
    }

    public async Task CloseAsync(string reason)
    {
        if (_app is null)
        {
            DeactivateOnIdle();
            return;
        }

        if (_isClosing)
        {
            return;
        }

        _isClosing = true;
        _logger.AppStopping(this.GetPrimaryKeyString(), reason);
        _stopping.UnionWith(_functions.Keys);
        if (_stopping.Count == 0)
        {
            await EndAsync();
            return;
        }

        await Task.WhenAll(_functions.Keys.ToArray().Select(f => GrainFactory.GetGrain<IFunctionGrain>(f).StopAsync(reason)));
    }

    public Task LeaveAsync(string reason)
    {
        if (_holders.Count == 0 || _app is null)
        {
            return CloseAsync(reason);
        }

        _leftBecause = reason;
        _logger.AppHeld(this.GetPrimaryKeyString(), reason, _holders.Count);
        CompleteOutbox();
        return GrainFactory.GetGrain<IAppDirectoryGrain>(0).SetAttachedAsync(this.GetPrimaryKeyString(), isAttached: false);
    }

    public Task<bool> HoldAsync(string functionId)
    {
        var isOpen = _app is not null && !_isClosing;
        if (isOpen)
        {
            _holders.Add(functionId);
        }

        return Task.FromResult(isOpen);
    }

    public Task ReleaseAsync(string functionId) =>
        _holders.Remove(functionId) && _holders.Count == 0 && _leftBecause is { } reason ? CloseAsync($"{reason}, and its detached calls are finished") : Task.CompletedTask;

    public async Task RestoreAsync(StoredFunctions functions)
    {
        await LoadAsync();
        if (_isClosing)
        {
            return;
        }

        if (_app is null)
        {
            _app = new OpenApp { AppId = this.GetPrimaryKeyString(), Name = functions.Functions[0].AppName, Code = functions.Functions[0].Code };
            _leftBecause = "its client is gone";
            await GrainFactory.GetGrain<IAppDirectoryGrain>(0).AddAsync(this.GetPrimaryKeyString());
        }

        // A client that came back first has told more of it than was stored.
        var missing = functions.Functions.Select(f => f.Spec).Where(f => !_functions.ContainsKey(f.FunctionId)).ToArray();
        _holders.UnionWith(missing.Select(f => f.FunctionId));
        foreach (var function in missing)
        {
            // What its app was deployed without runs as it was.
            var definition = _deployed?.Deployment.Functions.FirstOrDefault(f => f.Name == function.Name && f.IsService == function.IsService);
            if (definition is not null)
            {
                await ConfigureAsync([function.IsService ? InstanceOf(definition, function.ServiceArguments) : definition]);
            }
            else if (_deployed is null)
            {
                await ConfigureAsync([function]);
            }
            else
            {
                var grain = GrainFactory.GetGrain<IFunctionGrain>(function.FunctionId);
                await grain.ConfigureAsync(new FunctionConfiguration(this.GetPrimaryKeyString(), function, functions.Functions.First(f => f.Spec == function).Code));
                await grain.RetireAsync("its app was deployed without it");
            }
        }
    }

    public Task<string> GetNameAsync() => Task.FromResult(_app?.Name ?? "");

    public Task OnFunctionStoppedAsync(string functionId) => _stopping.Remove(functionId) && _stopping.Count == 0 ? EndAsync() : Task.CompletedTask;

    public Task WakeAsync() => _closeAtMs <= _clock.NowMs ? LeaveAsync("its client is gone") : Task.CompletedTask;

    public async Task<AppSnapshot> GetStatusAsync()
    {
        var status = new AppStatus { AppId = this.GetPrimaryKeyString(), Name = _app?.Name ?? "" };
        var functions = await Task.WhenAll(_functions.Keys.ToArray().Select(f => GrainFactory.GetGrain<IFunctionGrain>(f).GetStatusAsync()));
        status.Functions.AddRange(functions.Select(f => f.Status).OrderBy(f => f.Name, StringComparer.Ordinal));
        return new AppSnapshot(status);
    }

    public Task<IReadOnlyList<string>> ListBlobsAsync()
    {
        var digests = new HashSet<string>(StringComparer.Ordinal);
        foreach (var named in _functions.Values.Append<Google.Protobuf.IMessage?>(_app).Append(_deployed?.Deployment).OfType<Google.Protobuf.IMessage>())
        {
            NamedBlobs.AddTo(digests, named);
        }

        return Task.FromResult<IReadOnlyList<string>>([.. digests]);
    }

    private Task ConfigureAsync(IReadOnlyList<FunctionSpec> functions, bool rolling = true)
    {
        foreach (var function in functions)
        {
            _functions[function.FunctionId] = function;
        }

        return Task.WhenAll(functions.Select(f => GrainFactory.GetGrain<IFunctionGrain>(f.FunctionId)
            .ConfigureAsync(new FunctionConfiguration(this.GetPrimaryKeyString(), f, _app!.Code ?? new CodeVersion(), rolling))));
    }

    private async Task EndAsync()
    {
        _logger.AppEnded(this.GetPrimaryKeyString());
        await GrainFactory.GetGrain<IAppDirectoryGrain>(0).RemoveAsync(this.GetPrimaryKeyString());
        CompleteOutbox();
        await _logger.WatchAsync(_secrets.RemoveOfAppAsync(this.GetPrimaryKeyString()));
        DeactivateOnIdle();
    }

    private void CompleteOutbox()
    {
        if (_outboxes.TryGet(this.GetPrimaryKeyString(), out var outbox))
        {
            outbox.Complete();
        }
    }
}
