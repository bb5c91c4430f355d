using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Runtime;

namespace Modal.Connections;

/// <summary>This process's connection to its server for what belongs to no app. Opened at first use, shared by all, replaced when it breaks; never closed otherwise. For any thread.</summary>
internal sealed class ServerConnection
{
    // Opening one tries for some 20 s by itself; these are for a server that breaks connections.
    private const int MaxAttempts = 5;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);
    private static readonly ConcurrentDictionary<string, ServerConnection> s_connections = new(StringComparer.Ordinal);

    private static (ContainerContext Context, ServerConnection Connection)? s_inContainer;

    private readonly ServerAddress _address;
    private readonly Lock _gate = new();
    private Task<GrpcChannel>? _channel;

    private ServerConnection(ServerAddress address) => _address = address;

    /// <summary>The connection to the server that the environment names now; in a container, to the one that it belongs to.</summary>
    /// <exception cref="AccessDeniedException">This container may not speak to its server.</exception>
    public static ServerConnection Current => ContainerContext.Current is { } container
        ? InContainer(container)
        : s_connections.GetOrAdd(
            Environment.GetEnvironmentVariable(ServerAddress.Variable) is { Length: > 0 } url ? url : StateDirectory.Socket, static _ => new ServerConnection(ServerAddress.FromEnvironment()));

    /// <summary>Makes a request, again if the connection breaks: it must not matter that it is made twice.</summary>
    /// <exception cref="ModalException">What the server answered.</exception>
    public async Task<T> RequestAsync<T>(Func<GrpcChannel, CancellationToken, Task<T>> request, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var channel = await OpenAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await request(channel, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (IsBroken(e) && !cancellationToken.IsCancellationRequested && attempt < MaxAttempts)
            {
                Lost(channel);
            }
            catch (RpcException e)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw GrpcErrors.ToException(e);
            }

            await Task.Delay(s_pause * attempt, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The connection, opened if there is none.</summary>
    public Task<GrpcChannel> OpenAsync(CancellationToken cancellationToken)
    {
        Task<GrpcChannel> channel;
        lock (_gate)
        {
            if (_channel is null or { IsFaulted: true } or { IsCanceled: true })
            {
                _channel = Task.Run(async () => (await ServerHandshake.ConnectAsync(_address, CancellationToken.None).ConfigureAwait(false)).Channel, CancellationToken.None);
            }

            channel = _channel;
        }

        return channel.WaitAsync(cancellationToken);
    }

    /// <summary>Called by whoever notices that it broke: the next to ask opens another.</summary>
    public void Lost(GrpcChannel channel)
    {
        lock (_gate)
        {
            if (_channel is { IsCompletedSuccessfully: true } current && current.Result == channel)
            {
                _channel = null;
                // Others that still use it find it broken too.
                channel.Dispose();
            }
        }
    }

    // A copy from a snapshot serves another container: what the original had open is gone.
    private static ServerConnection InContainer(ContainerContext container)
    {
        var connect = container.Connect ?? throw new AccessDeniedException(
            $"'{container.FunctionName}' may not speak to the server: it has RestrictModalAccess = true. Take the restriction away.");
        lock (s_connections)
        {
            if (s_inContainer is not { } known || known.Context != container)
            {
                s_inContainer = known = (container, new ServerConnection(ServerAddress.FromContainer(connect)));
            }

            return known.Connection;
        }
    }

    /// <summary>Whether the request may have been lost on the way.</summary>
    public static bool IsBroken(Exception e) => e is ObjectDisposedException || (e is RpcException rpc && GrpcErrors.IsTransient(rpc));
}
