using Grpc.Core;
using Modal.Apps;
using Modal.Connections;
using Modal.Protocol;

namespace Modal.Volumes;

/// <summary>Calls of the server about volumes, each made once: not all may be repeated. Safe for many threads.</summary>
internal static class VolumeCalls
{
    /// <summary>The connection. One that was opened before is tried first: the server may have been replaced, and the local one stops when it has nothing to do.</summary>
    /// <returns>To be disposed when what was called is over.</returns>
    public static async Task<Server> ConnectAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var connection = await ServerConnection.RentAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (connection.IsNew || await IsAliveAsync(connection.Invoker, cancellationToken).ConfigureAwait(false))
                {
                    return new Server(connection);
                }
            }
            catch
            {
                connection.Dispose();
                throw;
            }

            connection.Drop();
            connection.Dispose();
        }
    }

    /// <summary>Calls the server, and says what went wrong in this library's words.</summary>
    public static async Task<T> RunAsync<T>(Func<Server, Task<T>> call, CancellationToken cancellationToken)
    {
        using var server = await ConnectAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await call(server).ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            throw Explain(e, cancellationToken);
        }
    }

    /// <summary>The next message of a stream.</summary>
    public static async Task<bool> NextAsync<T>(IAsyncStreamReader<T> stream, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.MoveNext(cancellationToken).ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            throw Explain(e, cancellationToken);
        }
    }

    private static Exception Explain(RpcException error, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return GrpcErrors.ToException(error);
    }

    private static async Task<bool> IsAliveAsync(CallInvoker invoker, CancellationToken cancellationToken)
    {
        try
        {
            await new ModalClient.ModalClientClient(invoker)
                .HelloAsync(new HelloRequest { ClientVersion = SdkVersion.Current, ProtocolRevision = ProtocolRevision.Current }, cancellationToken: cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RpcException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>What is called.</summary>
    internal sealed class Server(ServerConnection.Lease connection) : IDisposable
    {
        public Protocol.Volumes.VolumesClient Volumes { get; } = new(connection.Invoker);

        public BlobTransfer Transfer { get; } = new(new Blobs.BlobsClient(connection.Invoker));

        public void Dispose() => connection.Dispose();
    }
}
