using Modal.Deployments;
using Modal.Runtime;

namespace Modal;

/// <summary>
/// One set of constructor arguments of a service, with containers of its own; instances with equal arguments share them. Generated instances derive from it.
/// </summary>
public abstract class ServiceInstance : IAsyncDisposable
{
    private FunctionTarget? _first;

    /// <summary>Used by generated code.</summary>
    /// <param name="service">Full name of the class.</param>
    /// <param name="arguments">The constructor's arguments, encoded as an array in the order of the parameters.</param>
    protected ServiceInstance(string service, ReadOnlyMemory<byte> arguments)
    {
        ArgumentException.ThrowIfNullOrEmpty(service);
        ServiceName = service;
        Arguments = arguments;
    }

    /// <summary>Full name of the service's class.</summary>
    public string ServiceName { get; }

    internal ReadOnlyMemory<byte> Arguments { get; }

    /// <summary>The deployed app that it is in; null means an app of this process.</summary>
    internal DeployedAppName? App { get; private protected set; }

    /// <summary>Has this instance's calls go to a deployed app instead of an app of this process. Call it before the instance is used.</summary>
    /// <param name="app">The name by which it was deployed.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    public void UseApp(string app, string? environment = null) => App = DeployedAppName.Of(app, environment);

    /// <summary>Changes how the containers of these arguments scale, until its app ends or its definition changes. Safe to call at any time; containers that are missing start at once.</summary>
    /// <param name="settings">What to change.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; the change may have been made.</param>
    /// <returns>All settings in force after the change.</returns>
    /// <exception cref="InvalidRequestException">A setting is out of range, MinContainers would be more than MaxContainers</exception>
    /// <exception cref="ServerUnavailableException">No server could be reached or started.</exception>
    public Task<AutoscalerSettings> UpdateAutoscalerAsync(AutoscalerSettings settings, CancellationToken cancellationToken = default)
    {
        var service = FunctionRegistry.FindService(ServiceName)
            ?? throw new NotFoundException($"'{ServiceName}' is not registered. Its assembly must be built with the Modal.Sdk package, whose generator registers [Service] classes.");
        // All methods lead to the same containers.
        _first ??= FunctionTarget.Method(this, service.Functions[0].Name);
        return Modal.App.SessionOf(_first).UpdateAutoscalerAsync(_first, settings, cancellationToken);
    }

    /// <summary>
    /// Ends this handle: a local instance it made runs its <c>[Exit]</c> methods. Remote containers stay warm for the service's scaledown window, since another
    /// handle with equal arguments may use them, and go at the latest with the app.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await DisposeCoreAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Disposes what the derived instance holds in this process.</summary>
    protected virtual ValueTask DisposeCoreAsync() => ValueTask.CompletedTask;
}
