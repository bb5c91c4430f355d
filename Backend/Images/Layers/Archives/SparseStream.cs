using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>A sparse file with its holes filled with zeros.</summary>
internal sealed class SparseStream(Stream data, SparseMap map, long sizeBytes) : ReadOnlyStream
{
    private long _at;
    private int _range;

    public override int Read(Span<byte> buffer)
    {
        var (length, isData) = Next(buffer.Length);
        if (isData)
        {
            length = data.Read(buffer[..length]);
        }
        else
        {
            buffer[..length].Clear();
        }

        _at += length;
        return length;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var (length, isData) = Next(buffer.Length);
        if (isData)
        {
            length = await data.ReadAsync(buffer[..length], cancellationToken);
        }
        else
        {
            buffer.Span[..length].Clear();
        }

        _at += length;
        return length;
    }

    private (int Length, bool IsData) Next(int wanted)
    {
        while (_range < map.Ranges.Count && _at == map.Ranges[_range].Offset + map.Ranges[_range].Length)
        {
            _range++;
        }

        var (offset, length) = _range < map.Ranges.Count ? map.Ranges[_range] : (sizeBytes, 0);
        var isData = _at >= offset && length > 0;
        return ((int)Math.Min(wanted, (isData ? offset + length : offset) - _at), isData);
    }
}
