using Grpc.Core;
using Grpc.Net.Client;
using Modal.Backend.Worker.Session;

namespace Modal.Backend.Host.Bridging;

/// <summary>How this process's worker reaches its server.</summary>
internal sealed class ServerChannel(GrpcChannel channel, Func<CancellationToken, ValueTask<Stream>> connect) : IControlPlaneChannel, IDisposable
{
    public CallInvoker CreateCallInvoker() => channel.CreateCallInvoker();

    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => connect(cancellationToken);

    public void Dispose() => channel.Dispose();
}
