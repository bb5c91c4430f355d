using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Modal.Serialization;

/// <summary>
/// Writes MessagePack (the public specification, msgpack.org) in its shortest forms. Made for generated code: no reflection, no state outside the struct.
/// Call <see cref="Flush"/> at the end. For one thread.
/// </summary>
public ref struct PayloadWriter
{
    /// <summary>Deepest nesting, 500 levels: as deep as common MessagePack libraries go, far from the end of a 1 MiB stack.</summary>
    public const int MaxDepth = 500;

    // Growth below this would ask the buffer for more on almost every small value.
    private const int MinimumRequest = 256;

    private readonly IBufferWriter<byte> _output;
    private Span<byte> _span;
    private int _used;
    private int _depth;

    /// <summary>Starts writing at the end of <paramref name="output"/>.</summary>
    public PayloadWriter(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>Hands the last bytes to the buffer. The writer may be used further.</summary>
    public void Flush()
    {
        if (_used > 0)
        {
            _output.Advance(_used);
        }

        _span = default;
        _used = 0;
    }

    /// <summary>Enters a nested value; pair with <see cref="Leave"/>.</summary>
    /// <exception cref="PayloadException">Nested deeper than <see cref="MaxDepth"/>, usually a cycle.</exception>
    public void Enter()
    {
        if (++_depth > MaxDepth)
        {
            throw new PayloadException($"The value is nested deeper than {MaxDepth} levels. Does it contain itself?");
        }
    }

    /// <summary>Leaves a nested value.</summary>
    public void Leave() => _depth--;

    /// <summary>Writes nil.</summary>
    public void WriteNil() => Take(1)[0] = 0xc0;

    /// <summary>Writes true or false.</summary>
    public void Write(bool value) => Take(1)[0] = value ? (byte)0xc3 : (byte)0xc2;

    /// <summary>Writes an integer in the shortest form.</summary>
    public void Write(long value)
    {
        if (value >= 0)
        {
            Write((ulong)value);
        }
        else if (value >= -32)
        {
            Take(1)[0] = (byte)value;
        }
        else if (value >= sbyte.MinValue)
        {
            var s = Take(2);
            s[0] = 0xd0;
            s[1] = (byte)value;
        }
        else if (value >= short.MinValue)
        {
            var s = Take(3);
            s[0] = 0xd1;
            BinaryPrimitives.WriteInt16BigEndian(s[1..], (short)value);
        }
        else if (value >= int.MinValue)
        {
            var s = Take(5);
            s[0] = 0xd2;
            BinaryPrimitives.WriteInt32BigEndian(s[1..], (int)value);
        }
        else
        {
            var s = Take(9);
            s[0] = 0xd3;
            BinaryPrimitives.WriteInt64BigEndian(s[1..], value);
        }
    }

    /// <summary>Writes an integer in the shortest form.</summary>
    public void Write(ulong value)
    {
        if (value < 128)
        {
            Take(1)[0] = (byte)value;
        }
        else if (value <= byte.MaxValue)
        {
            var s = Take(2);
            s[0] = 0xcc;
            s[1] = (byte)value;
        }
        else if (value <= ushort.MaxValue)
        {
            var s = Take(3);
            s[0] = 0xcd;
            BinaryPrimitives.WriteUInt16BigEndian(s[1..], (ushort)value);
        }
        else if (value <= uint.MaxValue)
        {
            var s = Take(5);
            s[0] = 0xce;
            BinaryPrimitives.WriteUInt32BigEndian(s[1..], (uint)value);
        }
        else
        {
            var s = Take(9);
            s[0] = 0xcf;
            BinaryPrimitives.WriteUInt64BigEndian(s[1..], value);
        }
    }

    /// <summary>Writes a 32-bit float.</summary>
    public void Write(float value)
    {
        var s = Take(5);
        s[0] = 0xca;
        BinaryPrimitives.WriteSingleBigEndian(s[1..], value);
    }

    /// <summary>Writes a 64-bit float.</summary>
    public void Write(double value)
    {
        var s = Take(9);
        s[0] = 0xcb;
        BinaryPrimitives.WriteDoubleBigEndian(s[1..], value);
    }

    /// <summary>Writes a string as UTF-8, or nil for null. A lone surrogate becomes U+FFFD, as in every UTF-8 encoder.</summary>
    public void Write(string? value)
    {
        if (value is null)
        {
            WriteNil();
            return;
        }

        WriteUtf8(value);
    }

    /// <summary>Writes bytes.</summary>
    public void WriteBytes(scoped ReadOnlySpan<byte> value)
    {
        WriteHeader(value.Length, 0xc4, 0xc5, 0xc6);
        WriteRaw(value);
    }

    /// <summary>Begins an array of <paramref name="count"/> values.</summary>
    public void WriteArrayHeader(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        WriteCollectionHeader(count, 0x90, 0xdc);
    }

    /// <summary>Begins a map of <paramref name="count"/> pairs.</summary>
    public void WriteMapHeader(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        WriteCollectionHeader(count, 0x80, 0xde);
    }

    /// <summary>Copies bytes that are MessagePack already.</summary>
    public void WriteRaw(scoped ReadOnlySpan<byte> encoded)
    {
        if (encoded.Length <= _span.Length - _used)
        {
            encoded.CopyTo(_span[_used..]);
            _used += encoded.Length;
            return;
        }

        Flush();
        _output.Write(encoded);
    }

    private void WriteUtf8(string value)
    {
        // Short strings: encode behind the longest header they may need, once, without counting first.
        if (value.Length <= 10)
        {
            var s = Take(1 + (value.Length * 3), commit: false);
            var written = Encoding.UTF8.GetBytes(value, s[1..]);
            if (written < 32)
            {
                s[0] = (byte)(0xa0 | written);
                _used += 1 + written;
                return;
            }
        }

        var count = Encoding.UTF8.GetByteCount(value);
        if (count < 32)
        {
            Take(1)[0] = (byte)(0xa0 | count);
        }
        else
        {
            WriteHeader(count, 0xd9, 0xda, 0xdb);
        }

        Encoding.UTF8.GetBytes(value, Take(count));
    }

    private void WriteHeader(int length, byte form8, byte form16, byte form32)
    {
        if (length <= byte.MaxValue)
        {
            var s = Take(2);
            s[0] = form8;
            s[1] = (byte)length;
        }
        else if (length <= ushort.MaxValue)
        {
            var s = Take(3);
            s[0] = form16;
            BinaryPrimitives.WriteUInt16BigEndian(s[1..], (ushort)length);
        }
        else
        {
            var s = Take(5);
            s[0] = form32;
            BinaryPrimitives.WriteUInt32BigEndian(s[1..], (uint)length);
        }
    }

    private void WriteCollectionHeader(int count, byte fixForm, byte form16)
    {
        if (count < 16)
        {
            Take(1)[0] = (byte)(fixForm | count);
        }
        else if (count <= ushort.MaxValue)
        {
            var s = Take(3);
            s[0] = form16;
            BinaryPrimitives.WriteUInt16BigEndian(s[1..], (ushort)count);
        }
        else
        {
            var s = Take(5);
            s[0] = (byte)(form16 + 1);
            BinaryPrimitives.WriteUInt32BigEndian(s[1..], (uint)count);
        }
    }

    private Span<byte> Take(int length, bool commit = true)
    {
        if (_span.Length - _used < length)
        {
            Flush();
            _span = _output.GetSpan(Math.Max(length, MinimumRequest));
        }

        var result = _span.Slice(_used, length);
        if (commit)
        {
            _used += length;
        }

        return result;
    }
}
