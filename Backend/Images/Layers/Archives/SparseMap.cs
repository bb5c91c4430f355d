using System.Buffers.Text;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>Where the parts of a sparse file are that the archive has; between them are zeros.</summary>
internal sealed class SparseMap
{
    public const int RangeSize = 24;

    // A file of 4 GiB that is every second block a hole has half as many.
    private const int MaxRanges = 1 << 20;

    private readonly List<(long Offset, long Length)> _ranges = [];

    public IReadOnlyList<(long Offset, long Length)> Ranges => _ranges;

    public long DataBytes { get; private set; }

    /// <summary>Adds a range, which lies behind all others.</summary>
    /// <exception cref="LayerException">It does not, or there are too many.</exception>
    public void Add(long offset, long length)
    {
        var end = _ranges.Count == 0 ? 0 : _ranges[^1].Offset + _ranges[^1].Length;
        if (offset < end || length < 0 || length > long.MaxValue - offset || _ranges.Count == MaxRanges)
        {
            throw Damaged(_ranges.Count == MaxRanges ? $"it has more than {MaxRanges:N0} parts" : "its parts are out of order");
        }

        if (length > 0)
        {
            _ranges.Add((offset, length));
            DataBytes += length;
        }
    }

    /// <summary>Adds ranges as GNU tar has them in headers: two numbers of 12 bytes, up to an empty one.</summary>
    public void AddHeaders(ReadOnlySpan<byte> headers)
    {
        for (; headers.Length >= RangeSize && headers[0] != 0; headers = headers[RangeSize..])
        {
            if (!TarBlock.TryParseNumber(headers[..12], out var offset) || !TarBlock.TryParseNumber(headers[12..RangeSize], out var length))
            {
                throw Damaged("a part of it has no number");
            }

            Add(offset, length);
        }
    }

    /// <summary>Adds ranges as pax headers have them: numbers separated by commas.</summary>
    public void AddText(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            Add(Next(ref text), Next(ref text));
        }
    }

    /// <summary>Checks it against the file.</summary>
    /// <exception cref="LayerException">It is another file's.</exception>
    public void Check(long sizeBytes, long storedBytes)
    {
        if (DataBytes != storedBytes || (_ranges.Count > 0 && _ranges[^1].Offset + _ranges[^1].Length > sizeBytes) || sizeBytes < 0)
        {
            throw Damaged("its parts are not as long as the file");
        }
    }

    /// <summary>Reads one line of the map that stands before a file's data.</summary>
    public static long ParseLine(ReadOnlySpan<byte> line) =>
        Utf8Parser.TryParse(line, out long value, out var used) && used == line.Length ? value : throw Damaged("a part of it has no number");

    private static long Next(ref ReadOnlySpan<byte> text)
    {
        var comma = text.IndexOf((byte)',');
        var value = ParseLine(comma < 0 ? text : text[..comma]);
        text = comma < 0 ? default : text[(comma + 1)..];
        return value;
    }

    private static LayerException Damaged(string why) => new($"The archive is damaged: of a sparse file, {why}.");
}
