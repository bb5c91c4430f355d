using Grpc.Core;
using Modal.Backend.Worker.Session;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>For tests in which no server is called.</summary>
internal sealed class NoServer : IControlPlaneChannel
{
    public CallInvoker CreateCallInvoker() => throw new InvalidOperationException("This test has no server.");

    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("This test has no server.");
}
