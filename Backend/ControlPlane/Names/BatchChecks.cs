using Grpc.Core;

namespace Modal.Backend.ControlPlane.Names;

/// <summary>What every batch of operations must be.</summary>
internal static class BatchChecks
{
    private const int MaxRequestId = 64;

    /// <exception cref="RpcException">It is not.</exception>
    public static void Check(string requestId, int operations, int maxOperations)
    {
        if (requestId.Length is 0 or > MaxRequestId)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"A batch needs a request id of 1 to {MaxRequestId} characters."));
        }

        if (operations > maxOperations)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The batch has {operations} operations; at most {maxOperations} are allowed."));
        }
    }
}
