using System.Net.Sockets;
using Grpc.Net.Client;

namespace Modal.Connections;

/// <summary>Which server this process talks to: in a container the one of its worker, else the one the variable names, else the local daemon.</summary>
internal sealed class ServerAddress
{
    public const string Variable = "MODAL_SERVER_URL";

    private readonly Uri? _url;
    private readonly Func<CancellationToken, ValueTask<Stream>>? _connect;

    private ServerAddress(Uri? url, Func<CancellationToken, ValueTask<Stream>>? connect = null) => (_url, _connect) = (url, connect);

    public bool IsLocalDaemon => _url is null && _connect is null;

    /// <summary>Whether this is a container, which ends when its worker loses the server.</summary>
    public bool IsContainer => _connect is not null;

    /// <summary>The server of a container's worker.</summary>
    /// <param name="connect">Opens a connection to it.</param>
    public static ServerAddress FromContainer(Func<CancellationToken, ValueTask<Stream>> connect) => new(null, connect);

    public static ServerAddress FromEnvironment()
    {
        var text = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(text))
        {
            return new ServerAddress(null);
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" or "unix"
            ? new ServerAddress(url)
            : throw new InvalidRequestException($"{Variable} is '{text}'; it must be a URL such as http://127.0.0.1:7777 or unix:///path/to/socket.");
    }

    public GrpcChannel OpenChannel()
    {
        if (_connect is { } connect)
        {
            // No signs of life: they would wake a container that waits, and the worker ends the connection with the server's.
            return Open(new SocketsHttpHandler { PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan, ConnectCallback = (_, token) => connect(token) }, new Uri("http://localhost"));
        }

        var path = _url is null ? StateDirectory.Socket : _url.Scheme == "unix" ? _url.LocalPath : null;
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            // A server that vanished without closing (power loss) is noticed within half a minute.
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        };
        if (path is not null)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        return Open(handler, path is null ? _url! : new Uri("http://localhost"));
    }

    public override string ToString() => _connect is not null ? "the server of this container" : _url?.ToString() ?? $"the local daemon at {StateDirectory.Socket}";

    private static GrpcChannel Open(SocketsHttpHandler handler, Uri url) => GrpcChannel.ForAddress(url, new GrpcChannelOptions
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        // Larger payloads travel as blobs; this leaves room for batches.
        MaxReceiveMessageSize = 64 * 1024 * 1024,
        MaxSendMessageSize = 64 * 1024 * 1024,
    });
}
