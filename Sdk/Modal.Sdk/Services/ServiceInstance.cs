namespace Modal;

/// <summary>
/// One set of constructor arguments of a service, with containers of its own; instances with equal arguments share them. Generated instances derive from it.
/// </summary>
public abstract class ServiceInstance : IAsyncDisposable
{
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
