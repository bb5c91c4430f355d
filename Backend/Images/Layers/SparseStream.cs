namespace Modal.Backend.Images.Layers;

/// <summary>A sparse file as it reads on a disk: zeros where it has holes. Read once, from its beginning to its end.</summary>
internal sealed class SparseStream(SparseMap map, Stream stored) : Stream
{
    private int _part;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var (length, isHole) = Next(buffer.Length);
        if (isHole)
        {
            buffer[..length].Clear();
        }
        else
        {
            stored.ReadExactly(buffer[..length]);
        }

        _position += length;
        return length;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var (length, isHole) = Next(buffer.Length);
        if (isHole)
        {
            buffer.Span[..length].Clear();
        }
        else
        {
            await stored.ReadExactlyAsync(buffer[..length], cancellationToken);
        }

        _position += length;
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
        // Nothing is written.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // As much as can be read at once, and whether it lies in a hole.
    private (int Length, bool IsHole) Next(int wanted)
    {
        while (_part < map.Parts.Count && map.Parts[_part].Offset + map.Parts[_part].Length <= _position)
        {
            _part++;
        }

        if (_part == map.Parts.Count)
        {
            return ((int)Math.Min(wanted, map.SizeBytes - _position), true);
        }

        var (offset, length) = map.Parts[_part];
        return _position < offset
            ? ((int)Math.Min(wanted, offset - _position), true)
            : ((int)Math.Min(wanted, offset + length - _position), false);
    }
}
