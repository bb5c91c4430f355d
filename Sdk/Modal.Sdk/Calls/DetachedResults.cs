using System.Runtime.CompilerServices;
using Grpc.Core;
using Modal.Connections;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>Reads what became of a detached call, over as many connections as it takes.</summary>
internal static class DetachedResults
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    // In a row, without a result between them.
    private const int MaxBroken = 20;

    /// <summary>Its results in the order in which they were made, until it is finished.</summary>
    public static async IAsyncEnumerable<CallResult> ReadAsync(string callId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = 0UL;
        for (var broken = 0; ; broken++)
        {
            using var connection = await ServerConnection.RentAsync(cancellationToken).ConfigureAwait(false);
            using var call = new Protocol.Calls.CallsClient(connection.Invoker).Read(new ReadCallRequest { CallId = callId, After = after }, cancellationToken: cancellationToken);
            while (true)
            {
                CallProgress? progress = null;
                try
                {
                    if (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
                    {
                        progress = call.ResponseStream.Current;
                    }
                }
                catch (RpcException e) when (GrpcErrors.IsTransient(e) && !cancellationToken.IsCancellationRequested && broken < MaxBroken)
                {
                    connection.Drop();
                }
                catch (RpcException e)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    throw GrpcErrors.ToException(e);
                }

                if (progress is null)
                {
                    break;
                }

                foreach (var result in progress.Results)
                {
                    after = result.Seq;
                    broken = 0;
                    yield return result;
                }

                if (progress.IsFinished)
                {
                    yield break;
                }
            }

            await Task.Delay(s_pause, cancellationToken).ConfigureAwait(false);
        }
    }
}
