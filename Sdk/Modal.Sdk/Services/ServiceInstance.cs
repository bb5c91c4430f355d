namespace Modal;

/// <summary>One set of constructor arguments of a service, with containers of its own. Generated instances derive from it. Disposing it stops its containers.</summary>
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

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        throw new NotImplementedException();
    }
}
