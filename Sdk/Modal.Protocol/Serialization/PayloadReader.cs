using System.Buffers.Binary;
using System.Text;

namespace Modal.Serialization;

/// <summary>
/// Reads MessagePack from one span of foreign bytes: every length is checked against what is left, so damaged or hostile bytes end in a
/// <see cref="PayloadException"/>, never in a huge allocation, a hang or a stack overflow. For one thread.
/// </summary>
public ref struct PayloadReader
{
    // Strict: bytes that are not UTF-8 are an error, not silently another text.
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;
    private int _depth;

    /// <summary>Starts at the first byte.</summary>
    public PayloadReader(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Whether all bytes were read.</summary>
    public readonly bool End => _position == _bytes.Length;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _position;

    /// <summary>Enters a nested value; pair with <see cref="Leave"/>.</summary>
    /// <exception cref="PayloadException">Nested deeper than <see cref="PayloadWriter.MaxDepth"/>.</exception>
    public void Enter()
    {
        if (++_depth > PayloadWriter.MaxDepth)
        {
            throw new PayloadException($"The value is nested deeper than {PayloadWriter.MaxDepth} levels.");
        }
    }

    /// <summary>Leaves a nested value.</summary>
    public void Leave() => _depth--;

    /// <summary>Reads a nil if the next value is one.</summary>
    /// <returns>True if it was nil and is now read.</returns>
    public bool TryReadNil()
    {
        if (Peek() != 0xc0)
        {
            return false;
        }

        _position++;
        return true;
    }

    /// <summary>Reads true or false.</summary>
    public bool ReadBoolean()
    {
        var code = Next();
        return code switch
        {
            0xc3 => true,
            0xc2 => false,
            _ => throw Unexpected(code, "a boolean"),
        };
    }

    /// <summary>Reads an integer that fits a signed 64-bit one.</summary>
    public long ReadInt64()
    {
        var code = Next();
        switch (code)
        {
            case < 0x80:
                return code;
            case >= 0xe0:
                return (sbyte)code;
            case 0xcc:
                return Take(1)[0];
            case 0xcd:
                return BinaryPrimitives.ReadUInt16BigEndian(Take(2));
            case 0xce:
                return BinaryPrimitives.ReadUInt32BigEndian(Take(4));
            case 0xcf:
                var big = BinaryPrimitives.ReadUInt64BigEndian(Take(8));
                return big <= long.MaxValue ? (long)big : throw Range(big.ToString(System.Globalization.CultureInfo.InvariantCulture), "Int64");
            case 0xd0:
                return (sbyte)Take(1)[0];
            case 0xd1:
                return BinaryPrimitives.ReadInt16BigEndian(Take(2));
            case 0xd2:
                return BinaryPrimitives.ReadInt32BigEndian(Take(4));
            case 0xd3:
                return BinaryPrimitives.ReadInt64BigEndian(Take(8));
            default:
                throw Unexpected(code, "an integer");
        }
    }

    /// <summary>Reads an integer that is not negative.</summary>
    public ulong ReadUInt64()
    {
        if (Peek() == 0xcf)
        {
            _position++;
            return BinaryPrimitives.ReadUInt64BigEndian(Take(8));
        }

        var value = ReadInt64();
        return value >= 0 ? (ulong)value : throw Range(value.ToString(System.Globalization.CultureInfo.InvariantCulture), "UInt64");
    }

    /// <summary>Reads an integer between two bounds.</summary>
    /// <param name="minimum">Lowest value allowed.</param>
    /// <param name="maximum">Highest value allowed.</param>
    public long ReadInteger(long minimum, long maximum)
    {
        var value = ReadInt64();
        return value >= minimum && value <= maximum
            ? value
            : throw Range(value.ToString(System.Globalization.CultureInfo.InvariantCulture), $"the range {minimum} to {maximum}");
    }

    /// <summary>Reads a 32-bit integer.</summary>
    public int ReadInt32() => (int)ReadInteger(int.MinValue, int.MaxValue);

    /// <summary>Reads a 32-bit float.</summary>
    public float ReadSingle()
    {
        var code = Next();
        return code == 0xca ? BinaryPrimitives.ReadSingleBigEndian(Take(4)) : throw Unexpected(code, "a 32-bit float");
    }

    /// <summary>Reads a float of either size.</summary>
    public double ReadDouble()
    {
        var code = Next();
        return code switch
        {
            0xcb => BinaryPrimitives.ReadDoubleBigEndian(Take(8)),
            0xca => BinaryPrimitives.ReadSingleBigEndian(Take(4)),
            _ => throw Unexpected(code, "a float"),
        };
    }

    /// <summary>Reads a string, or null for nil.</summary>
    public string? ReadString()
    {
        if (TryReadNil())
        {
            return null;
        }

        try
        {
            return s_utf8.GetString(ReadUtf8());
        }
        catch (DecoderFallbackException e)
        {
            throw new PayloadException($"The string before byte {_position} is not valid UTF-8.", e);
        }
    }

    /// <summary>Reads a string that must be there.</summary>
    public string ReadRequiredString() => ReadString() ?? throw new PayloadException($"Found nil at byte {_position - 1} where a string was expected.");

    /// <summary>Reads the UTF-8 bytes of a string, without copying.</summary>
    public ReadOnlySpan<byte> ReadUtf8()
    {
        var code = Next();
        return code switch
        {
            >= 0xa0 and < 0xc0 => Take(code & 0x1f),
            0xd9 => Take(Take(1)[0]),
            0xda => Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2))),
            0xdb => Take(BinaryPrimitives.ReadUInt32BigEndian(Take(4))),
            _ => throw Unexpected(code, "a string"),
        };
    }

    /// <summary>Reads bytes, without copying.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        var code = Next();
        return code switch
        {
            0xc4 => Take(Take(1)[0]),
            0xc5 => Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2))),
            0xc6 => Take(BinaryPrimitives.ReadUInt32BigEndian(Take(4))),
            _ => throw Unexpected(code, "bytes"),
        };
    }

    /// <summary>Reads the header of an array.</summary>
    /// <returns>Its count, never more than the bytes left, so that it is safe to allocate for.</returns>
    public int ReadArrayHeader()
    {
        var code = Next();
        var count = code switch
        {
            >= 0x90 and < 0xa0 => code & 0x0fu,
            0xdc => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xdd => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            _ => throw Unexpected(code, "an array"),
        };
        return CheckCount(count, 1);
    }

    /// <summary>Reads the header of an array whose count is known.</summary>
    public void ReadArrayHeader(int expected)
    {
        var count = ReadArrayHeader();
        if (count != expected)
        {
            throw new PayloadException($"Found an array of {count} values where {expected} were expected.");
        }
    }

    /// <summary>Reads the header of a map.</summary>
    /// <returns>Its count of pairs.</returns>
    public int ReadMapHeader()
    {
        var code = Next();
        var count = code switch
        {
            >= 0x80 and < 0x90 => code & 0x0fu,
            0xde => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xdf => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            _ => throw Unexpected(code, "a map"),
        };
        return CheckCount(count, 2);
    }

    /// <summary>Skips the next value with all it contains.</summary>
    public void Skip()
    {
        // A counter instead of recursion: hostile nesting cannot end the stack.
        for (long left = 1; left > 0; left--)
        {
            var code = Next();
            switch (code)
            {
                case < 0x80 or >= 0xe0 or 0xc0 or 0xc2 or 0xc3:
                    break;
                case < 0x90:
                    left += 2 * (code & 0x0f);
                    break;
                case < 0xa0:
                    left += code & 0x0f;
                    break;
                case < 0xc0:
                    Take(code & 0x1f);
                    break;
                case 0xc4 or 0xd9:
                    Take(Take(1)[0]);
                    break;
                case 0xc5 or 0xda:
                    Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2)));
                    break;
                case 0xc6 or 0xdb:
                    Take(BinaryPrimitives.ReadUInt32BigEndian(Take(4)));
                    break;
                case 0xc7:
                    Take(Take(1)[0] + 1u);
                    break;
                case 0xc8:
                    Take(BinaryPrimitives.ReadUInt16BigEndian(Take(2)) + 1u);
                    break;
                case 0xc9:
                    Take(BinaryPrimitives.ReadUInt32BigEndian(Take(4)) + 1L);
                    break;
                case 0xcc or 0xd0:
                    Take(1);
                    break;
                case 0xcd or 0xd1 or 0xd4:
                    Take(2);
                    break;
                case 0xd5:
                    Take(3);
                    break;
                case 0xca or 0xce or 0xd2:
                    Take(4);
                    break;
                case 0xd6:
                    Take(5);
                    break;
                case 0xcb or 0xcf or 0xd3:
                    Take(8);
                    break;
                case 0xd7:
                    Take(9);
                    break;
                case 0xd8:
                    Take(17);
                    break;
                case 0xdc:
                    left += BinaryPrimitives.ReadUInt16BigEndian(Take(2));
                    break;
                case 0xdd:
                    left += BinaryPrimitives.ReadUInt32BigEndian(Take(4));
                    break;
                case 0xde:
                    left += 2L * BinaryPrimitives.ReadUInt16BigEndian(Take(2));
                    break;
                case 0xdf:
                    left += 2L * BinaryPrimitives.ReadUInt32BigEndian(Take(4));
                    break;
                default:
                    throw Unexpected(code, "a value");
            }
        }
    }

    private readonly byte Peek() => _position < _bytes.Length ? _bytes[_position] : throw Short(1);

    private byte Next() => _position < _bytes.Length ? _bytes[_position++] : throw Short(1);

    private ReadOnlySpan<byte> Take(long length)
    {
        if (length > _bytes.Length - _position)
        {
            throw Short(length);
        }

        var result = _bytes.Slice(_position, (int)length);
        _position += (int)length;
        return result;
    }

    // Each element takes a byte at least: a count beyond the bytes left is damage, and allocating for it would be an attack.
    private readonly int CheckCount(uint count, int bytesEach) =>
        count * (long)bytesEach <= _bytes.Length - _position ? (int)count : throw Short(count * (long)bytesEach);

    private readonly PayloadException Unexpected(byte code, string expected) =>
        new($"Found code 0x{code:x2} at byte {_position - 1} where {expected} was expected.");

    private readonly PayloadException Short(long needed) =>
        new($"The payload ends at byte {_bytes.Length}, but {needed} more are needed at byte {_position}.");

    private static PayloadException Range(string value, string range) => new($"The integer {value} is outside {range}.");
}
