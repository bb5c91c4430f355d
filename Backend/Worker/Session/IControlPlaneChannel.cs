using Grpc.Core;

namespace Modal.Backend.Worker.Session;

/// <summary>How a worker reaches its server: registered by the program that hosts the worker.</summary>
public interface IControlPlaneChannel
{
    /// <summary>Something that carries calls to the server. Called once per dial and for blobs.</summary>
    CallInvoker CreateCallInvoker();

    /// <summary>Opens a connection of its own to the server, for a container: bytes as they are, before HTTP/2. Safe for many threads.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">The server cannot be reached; also a <see cref="System.Net.Sockets.SocketException"/>.</exception>
    ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken);
}
