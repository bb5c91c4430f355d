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

    /// <summary>Says how values of a type are stored in dicts and queues. Called by generated code when its assembly is loaded; the last call counts.</summary>
    /// <param name="encode">Writes a value.</param>
    /// <param name="decode">Reads one.</param>
    /// <typeparam name="T">The type.</typeparam>
    public static void Register<T>(PayloadEncoder<T> encode, PayloadDecoder<T> decode)
    {
        ArgumentNullException.ThrowIfNull(encode);
        ArgumentNullException.ThrowIfNull(decode);
        (ValueCodec<T>.Encode, ValueCodec<T>.Decode) = (encode, decode);
    }
}
