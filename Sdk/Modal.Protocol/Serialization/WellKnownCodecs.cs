using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Modal.Serialization;

/// <summary>
/// Codecs of the framework's value types that MessagePack has no form for. Exact: what is read equals what was written, with a date's kind and a decimal's scale.
/// Reading bytes that hold something else throws <see cref="PayloadException"/>.
/// </summary>
public static class WellKnownCodecs
{
    private const int GuidBytes = 16;

    /// <summary>As 16 bytes in the big-endian order of RFC 9562.</summary>
    public static void WriteGuid(ref PayloadWriter writer, Guid value)
    {
        Span<byte> bytes = stackalloc byte[GuidBytes];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        writer.WriteBytes(bytes);
    }

    /// <summary>Reads what <see cref="WriteGuid"/> wrote.</summary>
    public static Guid ReadGuid(ref PayloadReader reader) => new(Bytes(ref reader, GuidBytes, "a Guid"), bigEndian: true);

    /// <summary>As an array of ticks and kind. A local time is read as local, whatever zone the reader is in: the clock's face is kept, not the instant.</summary>
    public static void WriteDateTime(ref PayloadWriter writer, DateTime value)
    {
        writer.WriteArrayHeader(2);
        writer.Write(value.Ticks);
        writer.Write((long)value.Kind);
    }

    /// <summary>Reads what <see cref="WriteDateTime"/> wrote.</summary>
    public static DateTime ReadDateTime(ref PayloadReader reader)
    {
        reader.ReadArrayHeader(2);
        var ticks = reader.ReadInteger(DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks);
        return new DateTime(ticks, (DateTimeKind)reader.ReadInteger((long)DateTimeKind.Unspecified, (long)DateTimeKind.Local));
    }

    /// <summary>As an array of clock ticks and offset in minutes.</summary>
    public static void WriteDateTimeOffset(ref PayloadWriter writer, DateTimeOffset value)
    {
        writer.WriteArrayHeader(2);
        writer.Write(value.Ticks);
        writer.Write((long)value.TotalOffsetMinutes);
    }

    /// <summary>Reads what <see cref="WriteDateTimeOffset"/> wrote.</summary>
    public static DateTimeOffset ReadDateTimeOffset(ref PayloadReader reader)
    {
        reader.ReadArrayHeader(2);
        var ticks = reader.ReadInteger(DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks);
        var minutes = reader.ReadInteger(-14 * 60, 14 * 60);
        try
        {
            return new DateTimeOffset(ticks, TimeSpan.FromMinutes(minutes));
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new PayloadException("The date with its offset is outside the range of DateTimeOffset.", e);
        }
    }

    /// <summary>As ticks.</summary>
    public static void WriteTimeSpan(ref PayloadWriter writer, TimeSpan value) => writer.Write(value.Ticks);

    /// <summary>Reads what <see cref="WriteTimeSpan"/> wrote.</summary>
    public static TimeSpan ReadTimeSpan(ref PayloadReader reader) => new(reader.ReadInt64());

    /// <summary>As the number of days since 0001-01-01.</summary>
    public static void WriteDateOnly(ref PayloadWriter writer, DateOnly value) => writer.Write((long)value.DayNumber);

    /// <summary>Reads what <see cref="WriteDateOnly"/> wrote.</summary>
    public static DateOnly ReadDateOnly(ref PayloadReader reader) => DateOnly.FromDayNumber((int)reader.ReadInteger(0, DateOnly.MaxValue.DayNumber));

    /// <summary>As ticks since midnight.</summary>
    public static void WriteTimeOnly(ref PayloadWriter writer, TimeOnly value) => writer.Write(value.Ticks);

    /// <summary>Reads what <see cref="WriteTimeOnly"/> wrote.</summary>
    public static TimeOnly ReadTimeOnly(ref PayloadReader reader) => new(reader.ReadInteger(0, TimeOnly.MaxValue.Ticks));

    /// <summary>As 16 bytes: the four little-endian integers of <see cref="decimal.GetBits(decimal)"/>, which keep the scale.</summary>
    public static void WriteDecimal(ref PayloadWriter writer, decimal value)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < bits.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[(i * 4)..], bits[i]);
        }

        writer.WriteBytes(bytes);
    }

    /// <summary>Reads what <see cref="WriteDecimal"/> wrote.</summary>
    public static decimal ReadDecimal(ref PayloadReader reader)
    {
        var bytes = Bytes(ref reader, 16, "a decimal");
        Span<int> bits = stackalloc int[4];
        for (var i = 0; i < bits.Length; i++)
        {
            bits[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * 4)..]);
        }

        try
        {
            return new decimal(bits);
        }
        catch (ArgumentException e)
        {
            throw new PayloadException("The 16 bytes are not a decimal.", e);
        }
    }

    /// <summary>As an array of the text it was made from and whether it is absolute; null as nil. The text alone does not tell: "/tmp" can be either.</summary>
    public static void WriteUri(ref PayloadWriter writer, Uri? value)
    {
        if (value is null)
        {
            writer.WriteNil();
            return;
        }

        writer.WriteArrayHeader(2);
        writer.Write(value.OriginalString);
        writer.Write(value.IsAbsoluteUri);
    }

    /// <summary>Reads what <see cref="WriteUri"/> wrote.</summary>
    public static Uri? ReadUri(ref PayloadReader reader)
    {
        if (reader.TryReadNil())
        {
            return null;
        }

        reader.ReadArrayHeader(2);
        var text = reader.ReadRequiredString();
        var kind = reader.ReadBoolean() ? UriKind.Absolute : UriKind.Relative;
        return Uri.TryCreate(text, kind, out var uri) ? uri : throw new PayloadException($"The text is not a URI of the kind {kind}.");
    }

    /// <summary>As text; null as nil.</summary>
    public static void WriteVersion(ref PayloadWriter writer, Version? value) => writer.Write(value?.ToString());

    /// <summary>Reads what <see cref="WriteVersion"/> wrote.</summary>
    public static Version? ReadVersion(ref PayloadReader reader)
    {
        var text = reader.ReadString();
        return text is null ? null
            : Version.TryParse(text, out var version) ? version
            : throw new PayloadException("The text is not a version number.");
    }

    /// <summary>As little-endian two's complement bytes.</summary>
    public static void WriteBigInteger(ref PayloadWriter writer, BigInteger value) => writer.WriteBytes(value.ToByteArray());

    /// <summary>Reads what <see cref="WriteBigInteger"/> wrote.</summary>
    public static BigInteger ReadBigInteger(ref PayloadReader reader) => new(reader.ReadBytes());

    /// <summary>As its UTF-16 code unit.</summary>
    public static void WriteChar(ref PayloadWriter writer, char value) => writer.Write((ulong)value);

    /// <summary>Reads what <see cref="WriteChar"/> wrote.</summary>
    public static char ReadChar(ref PayloadReader reader) => (char)reader.ReadInteger(char.MinValue, char.MaxValue);

    /// <summary>As its 16 bits.</summary>
    public static void WriteHalf(ref PayloadWriter writer, Half value) => writer.Write((ulong)BitConverter.HalfToUInt16Bits(value));

    /// <summary>Reads what <see cref="WriteHalf"/> wrote.</summary>
    public static Half ReadHalf(ref PayloadReader reader) => BitConverter.UInt16BitsToHalf((ushort)reader.ReadInteger(0, ushort.MaxValue));

    /// <summary>As 16 little-endian bytes.</summary>
    public static void WriteInt128(ref PayloadWriter writer, Int128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt128LittleEndian(bytes, value);
        writer.WriteBytes(bytes);
    }

    /// <summary>Reads what <see cref="WriteInt128"/> wrote.</summary>
    public static Int128 ReadInt128(ref PayloadReader reader) => BinaryPrimitives.ReadInt128LittleEndian(Bytes(ref reader, 16, "an Int128"));

    /// <summary>As 16 little-endian bytes.</summary>
    public static void WriteUInt128(ref PayloadWriter writer, UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, value);
        writer.WriteBytes(bytes);
    }

    /// <summary>Reads what <see cref="WriteUInt128"/> wrote.</summary>
    public static UInt128 ReadUInt128(ref PayloadReader reader) => BinaryPrimitives.ReadUInt128LittleEndian(Bytes(ref reader, 16, "a UInt128"));

    private static ReadOnlySpan<byte> Bytes(ref PayloadReader reader, int length, string what)
    {
        var bytes = reader.ReadBytes();
        return bytes.Length == length
            ? bytes
            : throw new PayloadException(string.Create(CultureInfo.InvariantCulture, $"Found {bytes.Length} bytes where the {length} of {what} were expected."));
    }
}
