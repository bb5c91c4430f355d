using System.Buffers.Text;
using System.Text;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>What extended headers say about an entry. Values are bytes: those of capabilities are binary, and names need not be UTF-8.</summary>
internal sealed class PaxRecords
{
    private const string XattrPrefix = "SCHILY.xattr.";
    private const int MaxXattrNameBytes = 255;
    private const int MaxXattrValueBytes = 65_536;

    private readonly Dictionary<string, byte[]> _values = new(StringComparer.Ordinal);

    // The first form of sparse files repeats two keys for each range.
    private readonly List<long> _ranges = [];

    public PaxRecords()
    {
    }

    /// <summary>With what holds for all entries.</summary>
    public PaxRecords(PaxRecords global) => _values = new(global._values, StringComparer.Ordinal);

    public bool IsEmpty => _values.Count == 0;

    public IReadOnlyList<long> Ranges => _ranges;

    public byte[]? this[string key] => _values.GetValueOrDefault(key);

    /// <summary>Adds the records of a header: each is its own length, a blank, a key, '=', a value and a line feed.</summary>
    /// <exception cref="LayerException">They are damaged.</exception>
    public void Add(ReadOnlySpan<byte> header)
    {
        while (!header.IsEmpty)
        {
            if (!Utf8Parser.TryParse(header, out int length, out var digits) || length <= digits + 1 || length > header.Length || header[digits] != ' ' || header[length - 1] != '\n')
            {
                throw Damaged("a record has a wrong length");
            }

            var record = header[(digits + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals < 1)
            {
                throw Damaged("a record has no key");
            }

            Set(Encoding.UTF8.GetString(record[..equals]), record[(equals + 1)..]);
            header = header[length..];
        }
    }

    /// <summary>A number, or the one that the header has.</summary>
    public long Number(string key, long otherwise) => this[key] is not { } text ? otherwise : ParseNumber(key, text);

    /// <summary>A time, or the one that the header has.</summary>
    public TarTime Time(string key, long otherwise) => this[key] is not { } text
        ? new TarTime(otherwise, 0)
        : TarTime.TryParse(text, out var time) ? time : throw Damaged($"{key} is no time");

    /// <summary>Extended attributes.</summary>
    public List<Xattr> Attributes()
    {
        var attributes = new List<Xattr>();
        foreach (var (key, value) in _values)
        {
            if (!key.StartsWith(XattrPrefix, StringComparison.Ordinal))
            {
                continue;
            }

            var name = Encoding.UTF8.GetBytes(key[XattrPrefix.Length..]);
            if (name.Length is 0 or > MaxXattrNameBytes || name.Contains((byte)0) || value.Length > MaxXattrValueBytes)
            {
                throw Damaged($"the attribute '{key}' has a name of {name.Length} and a value of {value.Length} bytes; {MaxXattrNameBytes} and {MaxXattrValueBytes} are possible");
            }

            attributes.Add(new Xattr(name, value));
        }

        return attributes;
    }

    private void Set(string key, ReadOnlySpan<byte> value)
    {
        if (key is "GNU.sparse.offset" or "GNU.sparse.numbytes")
        {
            // Offset and length take turns.
            if ((_ranges.Count % 2 == 0) != (key == "GNU.sparse.offset"))
            {
                throw Damaged("the ranges of a sparse file are out of order");
            }

            _ranges.Add(ParseNumber(key, value));
        }
        else if (value.IsEmpty && !key.StartsWith(XattrPrefix, StringComparison.Ordinal))
        {
            // POSIX: as if no header had it.
            _values.Remove(key);
        }
        else
        {
            _values[key] = value.ToArray();
        }
    }

    private static long ParseNumber(string key, ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long value, out var used) && used == text.Length ? value : throw Damaged($"{key} is no number");

    private static LayerException Damaged(string why) => new($"The archive is damaged: in an extended header, {why}.");
}
