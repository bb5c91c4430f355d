using Grpc.Core;
using Modal.Connections;

namespace Modal.Names;

/// <summary>A dict or a queue on the server: found or made at first use, an ephemeral one kept alive until it is disposed. For any thread.</summary>
/// <param name="open">Finds or makes it; gives its id and, if it is ephemeral, how many milliseconds it lives.</param>
/// <param name="keepAlive">Lets an ephemeral one live longer.</param>
/// <param name="delete">Removes it.</param>
internal sealed class ObjectHandle(Func<CallInvoker, Task<(string Id, long LifetimeMs)>> open, Func<CallInvoker, string, Task> keepAlive, Func<CallInvoker, string, Task> delete) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task<string>? _id;
    private Task _kept = Task.CompletedTask;
    private bool _isEphemeral;

    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Task<string> IdAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            _id = _id is null or { IsFaulted: true } or { IsCanceled: true } ? Task.Run(OpenAsync, CancellationToken.None) : _id;
            return _id.WaitAsync(cancellationToken);
        }
    }

    /// <summary>It is gone: one with a name is looked for again at the next use.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _id = _isEphemeral ? _id : null;
        }
    }

    /// <summary>Removes an ephemeral one, and leaves one with a name.</summary>
    public async ValueTask DisposeAsync()
    {
        Task<string>? opened;
        lock (_gate)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            _stop.Cancel();
            opened = _id;
        }

        await _kept.ConfigureAwait(false);
        if (opened is not null && _isEphemeral)
        {
            try
            {
                var id = await opened.ConfigureAwait(false);
                await ServerConnection.SendAsync(async (invoker, _) =>
                {
                    await delete(invoker, id).ConfigureAwait(false);
                    return true;
                }, CancellationToken.None).ConfigureAwait(false);
            }
            catch (ModalException)
            {
                // Gone already, or its server is: then it ends there by itself.
            }
        }

        _stop.Dispose();
    }

    private async Task<string> OpenAsync()
    {
        var (id, lifetime) = await ServerConnection.SendAsync((invoker, _) => open(invoker), CancellationToken.None).ConfigureAwait(false);
        lock (_gate)
        {
            if (lifetime > 0)
            {
                _isEphemeral = true;
                _kept = KeepAsync(id, TimeSpan.FromMilliseconds(lifetime / 3));
            }
        }

        return id;
    }

    private async Task KeepAsync(string id, TimeSpan interval)
    {
        while (true)
        {
            await Task.Delay(interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await ServerConnection.SendAsync(async (invoker, _) =>
                {
                    await keepAlive(invoker, id).ConfigureAwait(false);
                    return true;
                }, _stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ModalException or OperationCanceledException)
            {
                // Whoever uses it is told what is wrong; the next beat may find the server again.
            }
        }
    }
}
