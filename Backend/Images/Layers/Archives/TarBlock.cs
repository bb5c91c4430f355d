using System.Buffers.Binary;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>One block of an archive, as a header. The fields are where POSIX and GNU tar have them.</summary>
internal readonly ref struct TarBlock(ReadOnlySpan<byte> bytes)
{
    public const int Size = 512;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public byte Kind => _bytes[156];

    public bool IsUstar => _bytes.Slice(257, 6).SequenceEqual("ustar\0"u8);

    public bool IsGnu => _bytes.Slice(257, 8).SequenceEqual("ustar  \0"u8);

    public ReadOnlySpan<byte> LinkName => Text(157, 100);

    public int Mode => (int)(Number(100, 8) & 0xFFF);

    public long Uid => Number(108, 8);

    public long Gid => Number(116, 8);

    public long SizeBytes => Number(124, 12);

    public long ModifiedSeconds => Number(136, 12);

    // Of GNU's sparse files: four ranges here, more in blocks that follow.
    public ReadOnlySpan<byte> SparseRanges => _bytes.Slice(386, 4 * SparseMap.RangeSize);

    public bool HasMoreRanges => _bytes[482] != 0;

    public long RealSizeBytes => Number(483, 12);

    public byte[] Path
    {
        get
        {
            var name = Text(0, 100);
            var prefix = IsUstar ? Text(345, 155) : default;
            return prefix.IsEmpty ? name.ToArray() : [.. prefix, (byte)'/', .. name];
        }
    }

    /// <summary>Whether the sum of its bytes is the one it has, signed as some old programs made it or not.</summary>
    public bool HasRightSum()
    {
        if (!TryParseNumber(_bytes.Slice(148, 8), out var expected))
        {
            return false;
        }

        var (plain, signed) = (8L * ' ', 8L * ' ');
        for (var i = 0; i < Size; i++)
        {
            if (i is < 148 or >= 156)
            {
                plain += _bytes[i];
                signed += (sbyte)_bytes[i];
            }
        }

        return expected == plain || expected == signed;
    }

    /// <summary>Reads octal digits between blanks and zeros, or GNU's binary form. An empty field is 0.</summary>
    public static bool TryParseNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            // Two's complement of all bits but the first; what does not fit in 64 bits is no size and no time.
            Span<byte> wide = stackalloc byte[16];
            var negative = (field[0] & 0x40) != 0;
            wide.Fill(negative ? (byte)0xFF : (byte)0);
            field.CopyTo(wide[(16 - field.Length)..]);
            wide[16 - field.Length] = negative ? field[0] : (byte)(field[0] & 0x7F);
            var whole = BinaryPrimitives.ReadInt128BigEndian(wide);
            value = unchecked((long)whole);
            return whole == value;
        }

        var digits = field.Trim(" \0"u8);
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3)
            {
                return false;
            }

            value = (value << 3) | (long)(digit - '0');
        }

        return true;
    }

    private ReadOnlySpan<byte> Text(int at, int length)
    {
        var field = _bytes.Slice(at, length);
        var end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    private long Number(int at, int length) => TryParseNumber(_bytes.Slice(at, length), out var value)
        ? value
        : throw new LayerException($"The archive is damaged: a header, that of '{System.Text.Encoding.UTF8.GetString(Text(0, 100))}', has no number at byte {at}.");
}
