using Grpc.Core;

namespace Modal;

/// <summary>The server failed in a way that is not the caller's fault.</summary>
public sealed class ServerException : ModalException
{
    internal ServerException(string message, StatusCode status, Exception? innerException = null)
        : base(message, innerException) => Status = status.ToString();

    /// <summary>Name of the gRPC status it answered with, such as <c>Internal</c> or <c>DataLoss</c>.</summary>
    public string Status { get; }
}
