namespace Modal.Runtime;

/// <summary>
/// An instance of a service in the caller's own process, for <c>LocalAsync</c>: made at the first use with its <c>[Enter]</c> methods run once, ended with its
/// <c>[Exit]</c> methods. Used by generated code; safe for many threads.
/// </summary>
public sealed class LocalInstance : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly string _service;
    private readonly ReadOnlyMemory<byte> _arguments;
    private Task<object>? _instance;
    private bool _disposed;

    /// <summary>Makes nothing yet.</summary>
    /// <param name="service">As registered, such as <c>Demo.Model</c>.</param>
    /// <param name="arguments">The constructor's arguments, encoded.</param>
    public LocalInstance(string service, ReadOnlyMemory<byte> arguments)
    {
        _service = service;
        _arguments = arguments;
    }

    private ServiceDefinition Definition =>
        FunctionRegistry.FindService(_service) ?? throw new InvalidOperationException($"The service '{_service}' is not registered.");

    /// <summary>The instance, entered. A failure to enter is thrown again at each call.</summary>
    /// <exception cref="ObjectDisposedException">After <see cref="DisposeAsync"/>.</exception>
    public Task<object> GetAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // Only started under the lock: user code must not run there.
            return _instance ??= Task.Run(EnterAsync);
        }
    }

    /// <summary>Runs the <c>[Exit]</c> methods if there is an instance. All run even if one fails; the first failure is thrown.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<object>? made;
        lock (_gate)
        {
            made = _disposed ? null : _instance;
            _disposed = true;
        }

        if (made is null)
        {
            return;
        }

        await ((Task)made).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!made.IsCompletedSuccessfully)
        {
            return;
        }

        var instance = await made.ConfigureAwait(false);
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        foreach (var hook in Definition.Exit)
        {
            try
            {
                await hook.Invoke(instance, CancellationToken.None).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // User code: the other methods must run whatever this one threw, which is thrown below.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure ??= System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
            }
        }

        failure?.Throw();
    }

    private async Task<object> EnterAsync()
    {
        var definition = Definition;
        var instance = definition.Create(_arguments);
        // As in a container: those that run before the memory snapshot come first.
        foreach (var hook in definition.Enter.OrderByDescending(h => h.Snapshot))
        {
            await hook.Invoke(instance, CancellationToken.None).ConfigureAwait(false);
        }

        return instance;
    }
}
