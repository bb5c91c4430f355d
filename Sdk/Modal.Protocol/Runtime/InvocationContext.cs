using System.Buffers;

namespace Modal.Runtime;

/// <summary>What an invoker gets: made by the runner, one per input.</summary>
public abstract class InvocationContext
{
    /// <summary>The service instance, or null for a static method.</summary>
    public object? Instance { get; protected init; }

    /// <summary>Encoded arguments: a MessagePack array in the order of the parameters, without the cancellation token.</summary>
    public abstract ReadOnlyMemory<byte> Arguments { get; }

    /// <summary>Encoded arguments of each input of a batch, in order. One for a function that is not batched: <see cref="Arguments"/>.</summary>
    public virtual IReadOnlyList<ReadOnlyMemory<byte>> Batch => [Arguments];

    /// <summary>Where the result, or the next element of a stream, is written.</summary>
    public abstract IBufferWriter<byte> Output { get; }

    /// <summary>Signalled when the caller cancels, the attempt times out, or the container stops.</summary>
    public abstract CancellationToken CancellationToken { get; }

    /// <summary>Sends what was written to <see cref="Output"/> since the last call as one element of a stream, and empties it.</summary>
    /// <returns>A task that ends when the next element may be produced (back-pressure).</returns>
    public abstract ValueTask YieldAsync();

    /// <summary>What was written to <see cref="Output"/> since the last call is the result of the next input of the batch.</summary>
    public virtual void EndResult()
    {
        // Only who runs batches has more than one result to tell apart.
    }

    /// <summary>Call before the results of a batch are written.</summary>
    /// <param name="function">The function, for the message.</param>
    /// <param name="results">How many results the method gave; null if it gave none at all.</param>
    /// <exception cref="InvalidOperationException">It is not one for each input.</exception>
    public void CheckBatch(string function, int? results)
    {
        if (results != Batch.Count)
        {
            throw new InvalidOperationException(
                $"'{function}' was given {Batch.Count} {(Batch.Count == 1 ? "input" : "inputs")} and returned {(results is null ? "null" : $"{results} {(results == 1 ? "result" : "results")}")}. "
                + "A [Batched] method must return one result for each element of its parameter, in the same order.");
        }
    }
}
