using Grpc.Core;

namespace Modal.Backend.Worker.Session;

/// <summary>How a worker reaches its server: registered by the program that hosts the worker.</summary>
public interface IControlPlaneChannel
{
    /// <summary>Something that carries calls to the server. Called once per dial and for blobs.</summary>
    CallInvoker CreateCallInvoker();
}
