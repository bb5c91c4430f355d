using System.Net.Sockets;
using Grpc.Net.Client;
using Modal.Protocol;

namespace Modal.Scenarios.Harness;

/// <summary>Asks a server what is there, as a tool would.</summary>
internal sealed class ServerClient : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly ModalClient.ModalClientClient _client;

    public ServerClient(string socketPath)
    {
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = async (_, token) =>
                {
                    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), token);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            },
            DisposeHttpClient = true,
        });
        _client = new ModalClient.ModalClientClient(_channel);
    }

    public async Task<int> DaemonPidAsync() => (await _client.HelloAsync(new HelloRequest { ProtocolRevision = ProtocolRevision.Current })).Pid;

    public async Task<StatusReply> StatusAsync() => await _client.GetStatusAsync(new StatusRequest());

    public async Task<int> ContainersAsync(string appName) =>
        (await StatusAsync()).Apps.Where(a => a.Name == appName).SelectMany(a => a.Functions).Sum(f => f.Containers.Count);

    public void Dispose() => _channel.Dispose();
}
