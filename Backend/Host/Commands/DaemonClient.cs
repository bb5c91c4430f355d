using System.Net.Sockets;
using Grpc.Net.Client;
using Modal.Protocol;

namespace Modal.Backend.Host.Commands;

/// <summary>Speaks to the daemon of a state directory.</summary>
internal sealed class DaemonClient : IDisposable
{
    private readonly GrpcChannel _channel;

    private DaemonClient(string socket)
    {
        _channel = UnixChannels.Open(socket);
        Client = new ModalClient.ModalClientClient(_channel);
    }

    public ModalClient.ModalClientClient Client { get; }

    /// <summary>Null if nobody listens.</summary>
    public static DaemonClient? TryConnect(string stateDirectory)
    {
        var path = Path.Combine(stateDirectory, "daemon.sock");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new DaemonClient(path);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    public void Dispose() => _channel.Dispose();
}
