using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Grpc.Net.Client;

namespace Modal.Backend.Store.Peers;

/// <summary>Connections to servers of the backend: over TCP, Unix sockets and any other stream.</summary>
public static class GrpcChannels
{
    private const int MaxMessageBytes = 64 * 1024 * 1024;

    /// <summary>Connects to an address at the first call.</summary>
    /// <param name="address"><c>http://host:port</c>, <c>https://host:port</c> or <c>unix:///path</c>.</param>
    /// <exception cref="ArgumentException">It is none of these.</exception>
    public static GrpcChannel Open(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" or "unix"
            ? url.Scheme == "unix" ? OpenSocket(url.LocalPath) : GrpcChannel.ForAddress(url, Options(new SocketsHttpHandler { EnableMultipleHttp2Connections = true }))
            : throw new ArgumentException($"The server is '{address}'; it must be http://host:port or unix:///path.");

    /// <summary>Connects to a Unix socket at the first call.</summary>
    /// <param name="path">The socket.</param>
    public static GrpcChannel OpenSocket(string path) => Open(cancellationToken => ConnectSocketAsync(path, cancellationToken));

    /// <summary>Connects now, without a protocol above the bytes; over TLS with HTTP/2 as the one that follows.</summary>
    /// <param name="address">As for <see cref="Open(string)"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static async ValueTask<Stream> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        var url = new Uri(address);
        if (url.Scheme == "unix")
        {
            return await ConnectSocketAsync(url.LocalPath, cancellationToken);
        }

        var stream = await ConnectAsync(new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }, new DnsEndPoint(url.IdnHost, url.Port), cancellationToken);
        if (url.Scheme != "https")
        {
            return stream;
        }

        var secure = new SslStream(stream);
        try
        {
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = url.IdnHost, ApplicationProtocols = [SslApplicationProtocol.Http2] }, cancellationToken);
            return secure;
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects by what the caller has.</summary>
    /// <param name="connect">Makes a connection.</param>
    public static GrpcChannel Open(Func<CancellationToken, ValueTask<Stream>> connect) => GrpcChannel.ForAddress(
        "http://localhost",
        Options(new SocketsHttpHandler { EnableMultipleHttp2Connections = true, PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan, ConnectCallback = (_, token) => connect(token) }));

    private static GrpcChannelOptions Options(SocketsHttpHandler handler) => new()
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        MaxReceiveMessageSize = MaxMessageBytes,
        MaxSendMessageSize = MaxMessageBytes,
    };

    private static ValueTask<Stream> ConnectSocketAsync(string path, CancellationToken cancellationToken) =>
        ConnectAsync(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new UnixDomainSocketEndPoint(path), cancellationToken);

    private static async ValueTask<Stream> ConnectAsync(Socket socket, EndPoint address, CancellationToken cancellationToken)
    {
        try
        {
            await socket.ConnectAsync(address, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
