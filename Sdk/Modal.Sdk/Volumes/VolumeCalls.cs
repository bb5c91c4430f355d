using Grpc.Core;
using Modal.Apps;
using Modal.Connections;
using Modal.Protocol;

namespace Modal.Volumes;

/// <summary>Calls of the server that need no app, over one connection of this process. Safe for many threads.</summary>
internal static class VolumeCalls
{
    private static readonly Lock s_gate = new();
    private static Task<Server>? s_server;

    /// <summary>The connection, opened at the first use. One that was opened before is tried first: the server may have been replaced, and the local one stops when it has nothing to do.</summary>
    public static async Task<Server> ConnectAsync(CancellationToken cancellationToken)
    {
        Task<Server> server;
        Task<Server>? before;
        lock (s_gate)
        {
            before = s_server;
        }

        if (before is { IsCompletedSuccessfully: true } && !await IsAliveAsync(await before.ConfigureAwait(false), cancellationToken).ConfigureAwait(false))
        {
            Drop(before);
        }

        lock (s_gate)
        {
            if (s_server is null or { IsFaulted: true } or { IsCanceled: true })
            {
                s_server = OpenAsync();
            }

            server = s_server;
        }

        return await server.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Calls the server, and says what went wrong in this library's words.</summary>
    public static async Task<T> RunAsync<T>(Func<Server, Task<T>> call, CancellationToken cancellationToken)
    {
        var server = await ConnectAsync(cancellationToken).ConfigureAwait(false);
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

    private static async Task<bool> IsAliveAsync(Server server, CancellationToken cancellationToken)
    {
        try
        {
            await server.Client.HelloAsync(new HelloRequest { ClientVersion = SdkVersion.Current, ProtocolRevision = ProtocolRevision.Current }, cancellationToken: cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RpcException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static void Drop(Task<Server> server)
    {
        lock (s_gate)
        {
            s_server = s_server == server ? null : s_server;
        }
    }

    private static async Task<Server> OpenAsync()
    {
        await Task.Yield();
        var (channel, _) = await ServerHandshake.ConnectAsync(ServerAddress.FromEnvironment(), CancellationToken.None).ConfigureAwait(false);
        return new Server(new ModalClient.ModalClientClient(channel), new Protocol.Volumes.VolumesClient(channel), new BlobTransfer(new Blobs.BlobsClient(channel)));
    }

    /// <summary>What is called.</summary>
    internal sealed record Server(ModalClient.ModalClientClient Client, Protocol.Volumes.VolumesClient Volumes, BlobTransfer Transfer);
}
