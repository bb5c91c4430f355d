using Google.Protobuf;
using Modal.Backend.Runner.Channel;
using Modal.Protocol;

namespace Modal.Backend.Runner.Output;

/// <summary>Sends what managed code prints, and makes it wait when the far end is slower: at most <see cref="SizeBytes"/> are under way. Safe for many threads.</summary>
/// <param name="outgoing">Where it goes.</param>
/// <param name="beforeWait">Called before a thread waits for an acknowledgement, since it may be the very thread that would read it.</param>
internal sealed class OutputWindow(Outgoing outgoing, Action beforeWait)
{
    /// <summary>
    /// Bytes sent and not yet acknowledged, at most: enough for full speed, little enough for a thousand containers. Half of what a container may have under way;
    /// the other half is for its pipes.
    /// </summary>
    public const int SizeBytes = 512 * 1024;

    private const int ChunkBytes = 64 * 1024;

    private readonly object _gate = new();
    private long _unacknowledged;
    private bool _closed;

    /// <summary>Appends output; waits while the window is full.</summary>
    /// <param name="source">Standard output or error.</param>
    /// <param name="attempt">The attempt that prints; zero if none.</param>
    /// <param name="bytes">What it prints.</param>
    public void Send(OutputSource source, ulong attempt, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var chunk = bytes[..Math.Min(bytes.Length, ChunkBytes)];
            bytes = bytes[chunk.Length..];
            Reserve(chunk.Length);
            outgoing.Append(new RunnerFrame { Output = new RunnerOutput { Source = source, Id = attempt, Data = ByteString.CopyFrom(chunk) } });
        }
    }

    /// <summary>The worker has passed bytes on.</summary>
    public void Acknowledge(long bytes)
    {
        lock (_gate)
        {
            _unacknowledged -= bytes;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>This process is a copy: what the original sent is acknowledged to the original.</summary>
    public void Renew()
    {
        lock (_gate)
        {
            _unacknowledged = 0;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Nobody waits any longer: the process ends.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Reserve(int bytes)
    {
        lock (_gate)
        {
            if (_unacknowledged + bytes <= SizeBytes || _closed)
            {
                _unacknowledged += bytes;
                return;
            }
        }

        outgoing.FlushNow();
        beforeWait();
        lock (_gate)
        {
            while (_unacknowledged + bytes > SizeBytes && !_closed)
            {
                Monitor.Wait(_gate);
            }

            _unacknowledged += bytes;
        }
    }
}
