using Grpc.Core;

namespace Modal;

/// <summary>The one table from gRPC status to exception.</summary>
internal static class GrpcErrors
{
    public static Exception ToException(RpcException error)
    {
        var message = error.Status.Detail.Length > 0 ? error.Status.Detail : $"The server answered {error.StatusCode}.";
        return error.StatusCode switch
        {
            StatusCode.Cancelled => new OperationCanceledException(message, error),
            StatusCode.NotFound => new NotFoundException(message, error),
            StatusCode.AlreadyExists => new AlreadyExistsException(message, error),
            StatusCode.PermissionDenied or StatusCode.Unauthenticated => new AccessDeniedException(message, error),
            StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.FailedPrecondition => new InvalidRequestException(message, error),
            StatusCode.ResourceExhausted => new LimitExceededException(message, error),
            StatusCode.Unavailable => new ServerUnavailableException(message, error),
            StatusCode.DeadlineExceeded => new DeadlineException(message, error),
            StatusCode.Unimplemented => new VersionMismatchException(
                $"The server does not know this request ({message}). Update the server to the version of the client.", error),
            _ => new ServerException(message, error.StatusCode, error),
        };
    }

    /// <summary>Whether the request may be sent again: the connection broke or the server went away, and ids make repeating harmless.</summary>
    public static bool IsTransient(RpcException error) => error.StatusCode is
        StatusCode.Unavailable or StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled or StatusCode.DeadlineExceeded or StatusCode.Aborted;
}
