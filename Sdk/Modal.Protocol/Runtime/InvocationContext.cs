using System.Buffers;

namespace Modal.Runtime;

/// <summary>What an invoker gets: made by the runner, one per input.</summary>
public abstract class InvocationContext
{
    /// <summary>The service instance, or null for a static method.</summary>
    public object? Instance { get; protected init; }

    /// <summary>Encoded arguments: a MessagePack array in the order of the parameters, without the cancellation token.</summary>
    public abstract ReadOnlyMemory<byte> Arguments { get; }

    /// <summary>Where the result, or the next element of a stream, is written.</summary>
    public abstract IBufferWriter<byte> Output { get; }

    /// <summary>Signalled when the caller cancels, the attempt times out, or the container stops.</summary>
    public abstract CancellationToken CancellationToken { get; }

    /// <summary>Sends what was written to <see cref="Output"/> since the last call as one element of a stream, and empties it.</summary>
    /// <returns>A task that ends when the next element may be produced (back-pressure).</returns>
    public abstract ValueTask YieldAsync();
}
