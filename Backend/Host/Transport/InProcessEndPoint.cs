using System.Net;

namespace Modal.Backend.Host.Transport;

/// <summary>Where the worker of the same process reaches the server: no socket, no kernel, the same HTTP/2 and gRPC.</summary>
internal sealed class InProcessEndPoint : EndPoint
{
    public override string ToString() => "in-process";
}
