using System.Net.Sockets;
using Grpc.Net.Client;

namespace Modal.Backend.Host;

/// <summary>gRPC over Unix sockets and over any other stream.</summary>
internal static class UnixChannels
{
    private const int MaxMessageBytes = 64 * 1024 * 1024;

    public static GrpcChannel Open(string path) => Open(async cancellationToken =>
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    });

    public static GrpcChannel Open(Func<CancellationToken, ValueTask<Stream>> connect) => GrpcChannel.ForAddress(
        "http://localhost",
        Options(new SocketsHttpHandler { EnableMultipleHttp2Connections = true, PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan, ConnectCallback = (_, token) => connect(token) }));

    public static GrpcChannelOptions Options(SocketsHttpHandler handler) => new()
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        MaxReceiveMessageSize = MaxMessageBytes,
        MaxSendMessageSize = MaxMessageBytes,
    };
}
