using Grpc.Core;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>Reads a gRPC stream in batches of whatever has arrived: one message when little is going on, many when the reader falls behind.</summary>
internal static class StreamBatches
{
    private const int MaxBatch = 64;

    /// <summary>Reads to the end of the stream. A batch is handled before the next is gathered, and messages keep their order.</summary>
    public static async Task ReadAllAsync<T>(IAsyncStreamReader<T> reader, Func<IReadOnlyList<T>, Task> handle, CancellationToken cancellationToken)
    {
        var pending = reader.MoveNext(cancellationToken);
        while (await pending)
        {
            var batch = new List<T> { reader.Current };
            pending = reader.MoveNext(cancellationToken);
            while (batch.Count < MaxBatch && pending.IsCompletedSuccessfully && await pending)
            {
                batch.Add(reader.Current);
                pending = reader.MoveNext(cancellationToken);
            }

            await handle(batch);
        }
    }
}
