using System.Net.Sockets;
using Grpc.Net.Client;
using Modal.Backend.Store.Peers;
using Modal.Protocol;

namespace Modal.Backend.Host.Commands;

/// <summary>Speaks to the daemon of a state directory.</summary>
internal sealed class DaemonClient : IDisposable
{
    private readonly GrpcChannel _channel;

    private DaemonClient(string socket)
    {
        _channel = GrpcChannels.OpenSocket(socket);
        Client = new ModalClient.ModalClientClient(_channel);
    }

    public ModalClient.ModalClientClient Client { get; }

    /// <summary>Null if nobody listens.</summary>
    public static DaemonClient? TryConnect(string stateDirectory)
    {
        var path = Path.Combine(stateDirectory, "daemon.sock");
        return Answers(path) ? new DaemonClient(path) : null;
    }

    /// <summary>Whether somebody listens at a socket.</summary>
    public static bool Answers(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Dispose() => _channel.Dispose();
}
