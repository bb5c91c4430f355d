using System.Buffers;
using Modal.Serialization;

namespace Modal.Protocol.Tests.Serialization;

internal delegate void Write(ref PayloadWriter writer);

internal delegate T Read<T>(ref PayloadReader reader);

internal delegate void WriteValue<T>(ref PayloadWriter writer, T value);

internal static class Payloads
{
    public static byte[] Encode<T>(WriteValue<T> write, T value) => Encode((ref PayloadWriter w) => write(ref w, value));

    public static byte[] Encode(Write write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new PayloadWriter(buffer);
        write(ref writer);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    public static T Decode<T>(byte[] bytes, Read<T> read)
    {
        var reader = new PayloadReader(bytes);
        var value = read(ref reader);
        return reader.End ? value : throw new PayloadException($"{bytes.Length - reader.Position} bytes were left.");
    }
}
