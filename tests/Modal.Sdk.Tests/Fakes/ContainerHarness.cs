using System.Net.Sockets;
using Modal.Protocol;
using Modal.Runtime;

namespace Modal.Sdk.Tests.Fakes;

/// <summary>This process as a container whose worker is connected to a fake server. The context is the process's, so tests that use this run one after another.</summary>
internal sealed class ContainerHarness : IAsyncDisposable
{
    private int _connections;

    private ContainerHarness(FakeServer server) => Server = server;

    public FakeServer Server { get; }

    public int Connections => _connections;

    /// <summary>So many connections fail first.</summary>
    public int FailingConnections { get; set; }

    public static async Task<ContainerHarness> StartAsync(FakeServer server, bool isRestricted = false)
    {
        await server.StartAsync();
        var harness = new ContainerHarness(server);
        harness.BeginContainer(isRestricted);
        return harness;
    }

    /// <summary>Now this is another container, as in a copy from a snapshot.</summary>
    /// <returns>What it knows of itself.</returns>
    public ContainerContext BeginContainer(bool isRestricted = false) => ContainerContext.Current = new ContainerContext
    {
        ContainerId = Id.New(Id.Container),
        AppId = Id.New(Id.App),
        FunctionName = "Test.Outer",
        NeedsAspNetCore = true,
        Connect = isRestricted ? null : ConnectAsync,
    };

    public async ValueTask DisposeAsync()
    {
        ContainerContext.Current = null;
        await Server.DisposeAsync();
    }

    private async ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _connections) <= FailingConnections)
        {
            throw new IOException("The other side closed it.");
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Server.Socket), cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
