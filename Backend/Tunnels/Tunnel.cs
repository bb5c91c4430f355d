using System.IO.Pipelines;
using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.Tunnels;

/// <summary>
/// One end of a byte stream over the channel between worker and runner. Reading gives the other side its window back; writing waits for the window. One reader and one writer at a time; disposing it resets
/// it unless both directions have ended.
/// </summary>
internal sealed class Tunnel : Stream
{
    /// <summary>Bytes that one direction may have under way; the number is part of the protocol.</summary>
    public const int WindowBytes = 256 * 1024;

    /// <summary>The most that a frame may carry; the number is part of the protocol.</summary>
    public const int MaxDataBytes = 64 * 1024;

    // Results wait for at most one such frame of each tunnel that is ahead of them.
    private const int SentDataBytes = 32 * 1024;

    // Each credit is a frame: seldom enough to be cheap, often enough that the sender does not stand still.
    private const int CreditBytes = WindowBytes / 4;

    private readonly TunnelSet _set;

    // Without limits of its own: the window is the limit.
    private readonly Pipe _received = new(new PipeOptions(pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false));
    private readonly Lock _gate = new();
    private TaskCompletionSource? _credit;
    private int _maySend = WindowBytes;
    private int _mayReceive = WindowBytes;
    private int _taken;
    private bool _endSent;
    private bool _endReceived;
    private string? _broken;

    internal Tunnel(TunnelSet set, uint id) => (_set, Id) = (set, id);

    /// <summary>Its number.</summary>
    public uint Id { get; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads what has come; zero when the other side has ended its direction.</summary>
    /// <exception cref="IOException">The tunnel was reset.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _received.Reader.ReadAsync(cancellationToken);
        var bytes = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, buffer.Length));
        var position = 0;
        foreach (var segment in bytes)
        {
            segment.CopyTo(buffer[position..]);
            position += segment.Length;
        }

        _received.Reader.AdvanceTo(bytes.End);
        GiveBack(position);
        return position;
    }

    /// <summary>Sends all of it, in frames.</summary>
    /// <exception cref="IOException">The tunnel was reset, or this direction has ended.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var count = 0;
            Task? credit = null;
            lock (_gate)
            {
                ThrowIfClosed();
                count = Math.Min(Math.Min(buffer.Length, _maySend), SentDataBytes);
                _maySend -= count;
                if (count == 0)
                {
                    credit = (_credit ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
                }
            }

            if (credit is not null)
            {
                await credit.WaitAsync(cancellationToken);
                continue;
            }

            _set.Send(new TunnelFrame { Id = Id, Data = ByteString.CopyFrom(buffer.Span[..count]) });
            buffer = buffer[count..];
        }
    }

    /// <summary>Ends this side's direction; the other's goes on.</summary>
    public void EndWriting()
    {
        lock (_gate)
        {
            if (_endSent || _broken is not null)
            {
                return;
            }

            _endSent = true;
        }

        _set.Send(new TunnelFrame { Id = Id, End = true });
        ForgetIfOver();
    }

    /// <summary>Ends both directions and tells the other side why.</summary>
    public void Reset(string reason)
    {
        if (Break(reason))
        {
            _set.Forget(this);
            _set.Send(new TunnelFrame { Id = Id, Reset = reason });
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("A tunnel is read asynchronously.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("A tunnel is written asynchronously.");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Takes a frame of the other side. Never blocks.</summary>
    /// <returns>What is wrong with it; null if nothing is.</returns>
    internal string? OnFrame(TunnelFrame frame)
    {
        switch (frame.FrameCase)
        {
            case TunnelFrame.FrameOneofCase.Data:
                return OnData(frame.Data);
            case TunnelFrame.FrameOneofCase.Window:
                return OnCredit(frame.Window);
            case TunnelFrame.FrameOneofCase.End:
                lock (_gate)
                {
                    if (_endReceived)
                    {
                        return $"the end of tunnel {Id} came twice";
                    }

                    _endReceived = true;
                }

                _received.Writer.Complete();
                ForgetIfOver();
                return null;
            case TunnelFrame.FrameOneofCase.Reset:
                _set.Forget(this);
                Break(frame.Reset.Length > 0 ? frame.Reset : "the other side closed it");
                return null;
            default:
                return $"a frame of tunnel {Id} that is none of those known";
        }
    }

    /// <summary>Makes reading and writing fail.</summary>
    /// <returns>False if it was over before.</returns>
    internal bool Break(string reason)
    {
        TaskCompletionSource? credit;
        lock (_gate)
        {
            if (_broken is not null || (_endSent && _endReceived))
            {
                return false;
            }

            _broken = reason;
            credit = _credit;
        }

        credit?.TrySetResult();

        // What came before the end of that direction can still be read.
        _received.Writer.Complete(new IOException($"The connection was closed: {reason}"));
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Reset("");
        base.Dispose(disposing);
    }

    private string? OnData(ByteString data)
    {
        lock (_gate)
        {
            if (data.Length is 0 or > MaxDataBytes)
            {
                return $"{data.Length} bytes in a frame of tunnel {Id}; from 1 to {MaxDataBytes} are allowed";
            }

            if (_endReceived)
            {
                return $"data on tunnel {Id} after its end";
            }

            if (data.Length > _mayReceive)
            {
                return $"{data.Length} bytes on tunnel {Id}, whose window has {_mayReceive} left";
            }

            _mayReceive -= data.Length;

            // Under the lock: Break completes the writer.
            if (_broken is null)
            {
                data.Span.CopyTo(_received.Writer.GetSpan(data.Length));
                _received.Writer.Advance(data.Length);

                // Ends at once: the pipe has no limit.
                _ = _received.Writer.FlushAsync().AsTask();
            }
        }

        return null;
    }

    private string? OnCredit(uint bytes)
    {
        TaskCompletionSource? credit;
        lock (_gate)
        {
            if (bytes == 0 || bytes > WindowBytes - _maySend)
            {
                return $"{bytes} bytes given back on tunnel {Id}, of which {WindowBytes - _maySend} are under way";
            }

            _maySend += (int)bytes;
            (credit, _credit) = (_credit, null);
        }

        credit?.TrySetResult();
        return null;
    }

    private void GiveBack(int bytes)
    {
        lock (_gate)
        {
            _taken += bytes;
            if (_taken < CreditBytes || _endReceived || _broken is not null)
            {
                return;
            }

            bytes = _taken;
            _taken = 0;
            _mayReceive += bytes;
        }

        _set.Send(new TunnelFrame { Id = Id, Window = (uint)bytes });
    }

    private void ForgetIfOver()
    {
        lock (_gate)
        {
            if (!_endSent || !_endReceived)
            {
                return;
            }
        }

        _set.Forget(this);
    }

    private void ThrowIfClosed()
    {
        if (_broken is not null || _endSent)
        {
            throw new IOException($"The connection was closed: {_broken ?? "this side has ended it"}");
        }
    }
}
