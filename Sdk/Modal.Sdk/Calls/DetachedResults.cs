using System.Runtime.CompilerServices;
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
        var server = ServerConnection.Current;
        var after = 0UL;
        for (var broken = 0; ; broken++)
        {
            var channel = await server.OpenAsync(cancellationToken).ConfigureAwait(false);
            using var call = new Protocol.Calls.CallsClient(channel).Read(new ReadCallRequest { CallId = callId, After = after }, cancellationToken: cancellationToken);
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
                catch (Exception e) when (ServerConnection.IsBroken(e) && !cancellationToken.IsCancellationRequested && broken < MaxBroken)
                {
                    server.Lost(channel);
                }
                catch (Grpc.Core.RpcException e)
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
