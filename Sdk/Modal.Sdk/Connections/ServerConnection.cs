using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Runtime;

namespace Modal.Connections;

/// <summary>
/// Requests that need no app. All of a process share one connection to a server, opened at first use and replaced when it breaks; what breaks with it is sent again, so requests carry ids that
/// make repeating harmless. For any thread.
/// </summary>
internal static class ServerConnection
{
    // Each attempt first opens a connection, which waits some 20 s for a server that is being started again: more means that the server breaks whatever it is asked.
    private const int MaxAttempts = 5;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);
    private static readonly ConcurrentDictionary<string, Shared> s_servers = new(StringComparer.Ordinal);
    private static (ContainerContext Context, Shared Server)? s_inContainer;

    // The server that the environment names now; in a container, the one that it belongs to.
    private static Shared Server
    {
        get
        {
            if (ContainerContext.Current is { } container)
            {
                return InContainer(container);
            }

            var address = ServerAddress.FromEnvironment();
            return s_servers.GetOrAdd(address.ToString(), static (_, a) => new Shared(a), address);
        }
    }

    /// <summary>Sends a request to the server that the environment names.</summary>
    /// <param name="request">Sends it; the flag says that it may have been sent before.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ModalException">The server refuses it, or cannot be reached.</exception>
    /// <exception cref="AccessDeniedException">This container may not speak to its server.</exception>
    public static async Task<T> SendAsync<T>(Func<CallInvoker, bool, Task<T>> request, CancellationToken cancellationToken)
    {
        var server = Server;
        for (var attempt = 1; ; attempt++)
        {
            var (connection, _) = await server.RentAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await request(connection.Invoker, attempt > 1).ConfigureAwait(false);
            }
            catch (RpcException e) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(e.Status.Detail, e, cancellationToken);
            }
            catch (RpcException e) when (GrpcErrors.IsTransient(e) && attempt < MaxAttempts)
            {
                server.Drop(connection);
            }
            catch (RpcException e)
            {
                throw GrpcErrors.ToException(e);
            }
            finally
            {
                server.Return(connection);
            }

            await Task.Delay(s_pause * attempt, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The connection for something that lasts, such as a stream of answers. To be disposed when that is over.</summary>
    /// <param name="cancellationToken">Stops waiting for it.</param>
    public static async Task<Lease> RentAsync(CancellationToken cancellationToken)
    {
        var server = Server;
        var (connection, isNew) = await server.RentAsync(cancellationToken).ConfigureAwait(false);
        return new Lease(connection.Invoker, isNew, () => server.Drop(connection), () => server.Return(connection));
    }

    // A copy from a snapshot serves another container: what the original had open is gone.
    private static Shared InContainer(ContainerContext container)
    {
        var connect = container.Connect ?? throw new AccessDeniedException($"'{container.FunctionName}' may not speak to the server: it has RestrictModalAccess = true. Take the restriction away.");
        lock (s_servers)
        {
            if (s_inContainer is not { } known || known.Context != container)
            {
                s_inContainer = known = (container, new Shared(ServerAddress.FromContainer(connect)));
            }

            return known.Server;
        }
    }

    /// <summary>The use of a connection.</summary>
    internal sealed class Lease(CallInvoker invoker, bool isNew, Action drop, Action giveBack) : IDisposable
    {
        public CallInvoker Invoker => invoker;

        /// <summary>It was opened for this: the server has just answered on it.</summary>
        public bool IsNew => isNew;

        /// <summary>It broke: the next to ask opens another.</summary>
        public void Drop() => drop();

        public void Dispose() => giveBack();
    }

    private sealed class Connection(GrpcChannel channel)
    {
        public GrpcChannel Channel { get; } = channel;

        public CallInvoker Invoker { get; } = channel.CreateCallInvoker();

        public int Users { get; set; }

        public bool IsDropped { get; set; }
    }

    private sealed class Shared(ServerAddress address)
    {
        private readonly Lock _gate = new();
        private Task<Connection>? _current;

        /// <returns>The connection, and whether it was opened for this.</returns>
        public async Task<(Connection Connection, bool IsNew)> RentAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                Task<Connection> current;
                bool isNew;
                lock (_gate)
                {
                    // One opening for all who wait; whoever gives up does not end it for the others.
                    isNew = _current is null or { IsFaulted: true };
                    current = isNew ? _current = Task.Run(OpenAsync, CancellationToken.None) : _current!;
                }

                var connection = await current.WaitAsync(cancellationToken).ConfigureAwait(false);
                lock (_gate)
                {
                    if (!connection.IsDropped)
                    {
                        connection.Users++;
                        return (connection, isNew);
                    }
                }
            }
        }

        /// <summary>It broke: the next to ask opens another.</summary>
        public void Drop(Connection connection)
        {
            lock (_gate)
            {
                if (!connection.IsDropped)
                {
                    connection.IsDropped = true;
                    _current = null;
                }
            }
        }

        public void Return(Connection connection)
        {
            bool isLast;
            lock (_gate)
            {
                isLast = --connection.Users == 0 && connection.IsDropped;
            }

            if (isLast)
            {
                connection.Channel.Dispose();
            }
        }

        private async Task<Connection> OpenAsync() => new((await ServerHandshake.ConnectAsync(address, CancellationToken.None).ConfigureAwait(false)).Channel);
    }
}
