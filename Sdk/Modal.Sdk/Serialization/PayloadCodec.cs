using System.Buffers;
using Modal.Serialization;

namespace Modal;

/// <summary>Encodes whole values with generated codecs.</summary>
public static class PayloadCodec
{
    /// <summary>The bytes of a value.</summary>
    public static byte[] Encode<T>(PayloadEncoder<T> encode, T value)
    {
        ArgumentNullException.ThrowIfNull(encode);
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new PayloadWriter(buffer);
        encode(ref writer, value);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
