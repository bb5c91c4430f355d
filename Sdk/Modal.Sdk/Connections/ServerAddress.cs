using System.Net.Sockets;
using Grpc.Net.Client;

namespace Modal.Connections;

/// <summary>Which server this process talks to: the one the variable names, else the local daemon.</summary>
internal sealed class ServerAddress
{
    public const string Variable = "MODAL_SERVER_URL";

    private readonly Uri? _url;

    private ServerAddress(Uri? url) => _url = url;

    public bool IsLocalDaemon => _url is null;

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

        return GrpcChannel.ForAddress(path is null ? _url! : new Uri("http://localhost"), new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            // Larger payloads travel as blobs; this leaves room for batches.
            MaxReceiveMessageSize = 64 * 1024 * 1024,
            MaxSendMessageSize = 64 * 1024 * 1024,
        });
    }

    public override string ToString() => _url?.ToString() ?? $"the local daemon at {StateDirectory.Socket}";
}
