using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>
/// A container's output on its way to the server: at most <see cref="PipeWindowBytes"/> of its pipes unacknowledged, besides what the runner's own window allows,
/// and in all about 1 MiB. Under the container's lock.
/// </summary>
internal sealed class OutputFlow(string containerId, IOutbox outbox, TimeProvider time)
{
    /// <summary>Bytes of pipes on their way after which they are no longer read.</summary>
    public const int PipeWindowBytes = 512 * 1024;

    private readonly Queue<(long Bytes, bool Managed)> _underway = new();
    private long _partlyAcknowledged;
    private long _pipeBytes;

    /// <summary>Whether the pipes should be read.</summary>
    public bool WantsPipes => _pipeBytes < PipeWindowBytes;

    /// <summary>Sends output.</summary>
    /// <param name="source">Where it comes from.</param>
    /// <param name="bytes">The output.</param>
    /// <param name="input">Who printed it, if that is known.</param>
    /// <param name="managed">It came from the runner, which counts it in its own window.</param>
    public void Send(OutputSource source, ByteString bytes, InputRef? input, bool managed)
    {
        _underway.Enqueue((bytes.Length, managed));
        _pipeBytes += managed ? 0 : bytes.Length;
        outbox.Post(new WorkerMessage
        {
            Output = new Output { ContainerId = containerId, Source = source, Data = bytes, Input = input, TimeMs = time.GetUtcNow().ToUnixTimeMilliseconds() },
        });
    }

    /// <summary>The server has passed bytes on, in the order in which they were sent.</summary>
    /// <returns>How many of them the runner may be told of.</returns>
    public long Acknowledge(long bytes)
    {
        var managedBytes = 0L;
        _partlyAcknowledged += bytes;
        while (_underway.TryPeek(out var first) && first.Bytes <= _partlyAcknowledged)
        {
            _underway.Dequeue();
            _partlyAcknowledged -= first.Bytes;
            if (first.Managed)
            {
                managedBytes += first.Bytes;
            }
            else
            {
                _pipeBytes -= first.Bytes;
            }
        }

        return managedBytes;
    }
}
