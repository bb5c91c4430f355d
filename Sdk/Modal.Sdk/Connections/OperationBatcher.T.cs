using System.Diagnostics.CodeAnalysis;

namespace Modal.Connections;

/// <summary>
/// Sends small operations together: one that comes alone goes at once, those that come while requests are under way share the next. Operations that are under way at the same time have no order
/// among them. For any thread.
/// </summary>
/// <param name="send">Sends a batch; gives a result for each operation, in order.</param>
/// <param name="size">The bytes of an operation.</param>
internal sealed class OperationBatcher<TOperation, TResult>(Func<IReadOnlyList<TOperation>, Task<IReadOnlyList<TResult>>> send, Func<TOperation, int> size)
{
    // The server takes 1,000 in a batch; a batch this large already costs little more per operation than a larger one, and its first operation does not wait for long.
    private const int MaxBatch = 256;
    private const int MaxBatchBytes = 8 * 1024 * 1024;

    // While one is written to the server's disk the next is gathered and sent.
    private const int MaxUnderWay = 2;

    private readonly Lock _gate = new();
    private readonly System.Collections.Generic.Queue<Pending> _waiting = new();
    private int _underWay;

    public Task<TResult> RunAsync(TOperation operation)
    {
        var pending = new Pending(operation);
        lock (_gate)
        {
            _waiting.Enqueue(pending);
            if (_underWay == MaxUnderWay)
            {
                return pending.Done.Task;
            }

            _underWay++;
        }

        _ = SendAllAsync();
        return pending.Done.Task;
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever goes wrong is handed to those whose operations these are.")]
    private async Task SendAllAsync()
    {
        while (TryTake() is { } batch)
        {
            try
            {
                var results = await send([.. batch.Select(static p => p.Operation)]).ConfigureAwait(false);
                for (var i = 0; i < batch.Count; i++)
                {
                    batch[i].Done.SetResult(results[i]);
                }
            }
            catch (Exception e)
            {
                foreach (var pending in batch)
                {
                    pending.Done.TrySetException(e);
                }
            }
        }
    }

    private List<Pending>? TryTake()
    {
        lock (_gate)
        {
            var batch = new List<Pending>();
            for (var bytes = 0L; batch.Count < MaxBatch && _waiting.TryPeek(out var next) && (batch.Count == 0 || bytes + size(next.Operation) <= MaxBatchBytes);)
            {
                bytes += size(next.Operation);
                batch.Add(_waiting.Dequeue());
            }

            if (batch.Count > 0)
            {
                return batch;
            }

            _underWay--;
            return null;
        }
    }

    private sealed record Pending(TOperation Operation)
    {
        public TaskCompletionSource<TResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
