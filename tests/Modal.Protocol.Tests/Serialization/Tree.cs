using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MessagePack;
using Modal.Serialization;

namespace Modal.Protocol.Tests.Serialization;

/// <summary>Any value that MessagePack can hold: leaves as they are, an array as object[], a map as pairs.</summary>
internal sealed record Tree(object? Root)
{
    private static readonly int[] s_lengths = [0, 1, 7, 9, 10, 11, 15, 16, 17, 31, 32, 33, 255, 256, 257];

    private static readonly int[] s_counts = [0, 1, 3, 15, 16];

    private static readonly Gen<object?> s_leaves = Gen.OneOf(
        Gen.Constant((object?)null),
        Gen.Elements(new[] { true, false }).Select(v => (object?)v),
        Integers.Any.Select(v => (object?)v),
        Integers.Bits.Select(v => (object?)v),
        Integers.Any.Select(v => (object?)BitConverter.Int64BitsToDouble(v)),
        Integers.Any.Select(v => (object?)BitConverter.Int32BitsToSingle((int)v)),
        Gen.Elements(s_lengths).SelectMany(n => Gen.Choose(0, 0x2000).ArrayOf(n)).Select(c => (object?)string.Concat(c.Select(v => (char)v))),
        Gen.Elements(s_lengths).SelectMany(n => Gen.Choose(0, 0x7f).ArrayOf(n)).Select(c => (object?)string.Concat(c.Select(v => (char)v))),
        Gen.Constant((object?)"\U0001F600\uFFFD\0"),
        Gen.Elements(s_lengths).SelectMany(n => Gen.Choose(0, 255).ArrayOf(n)).Select(b => (object?)Array.ConvertAll(b, v => (byte)v)));

    public static Arbitrary<Tree> Any { get; } = Arb.From(Gen.Choose(0, 5).SelectMany(Nodes).Select(v => new Tree(v)));

    public byte[] Bytes => Payloads.Encode((ref PayloadWriter w) => Write(ref w, Root));

    public byte[] PeerBytes
    {
        get
        {
            var buffer = new ArrayBufferWriter<byte>();
            var writer = new MessagePackWriter(buffer);
            Write(ref writer, Root);
            writer.Flush();
            return buffer.WrittenSpan.ToArray();
        }
    }

    public static void Write(ref PayloadWriter writer, object? node)
    {
        switch (node)
        {
            case null: writer.WriteNil(); break;
            case bool v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case ulong v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case double v: writer.Write(v); break;
            case string v: writer.Write(v); break;
            case byte[] v: writer.WriteBytes(v); break;
            case KeyValuePair<object?, object?>[] map:
                writer.WriteMapHeader(map.Length);
                foreach (var (key, value) in map)
                {
                    Write(ref writer, key);
                    Write(ref writer, value);
                }

                break;
            default:
                var items = (object?[])node;
                writer.WriteArrayHeader(items.Length);
                foreach (var item in items)
                    Write(ref writer, item);
                break;
        }
    }

    /// <summary>Whether exactly this value comes next; floats are compared by their bits.</summary>
    public static bool IsNext(ref PayloadReader reader, object? node)
    {
        switch (node)
        {
            case null: return reader.TryReadNil();
            case bool v: return reader.ReadBoolean() == v;
            case long v: return reader.ReadInt64() == v;
            case ulong v: return reader.ReadUInt64() == v;
            case float v: return BitConverter.SingleToInt32Bits(reader.ReadSingle()) == BitConverter.SingleToInt32Bits(v);
            case double v: return BitConverter.DoubleToInt64Bits(reader.ReadDouble()) == BitConverter.DoubleToInt64Bits(v);
            case string v: return reader.ReadString() == v;
            case byte[] v: return reader.ReadBytes().SequenceEqual(v);
            case KeyValuePair<object?, object?>[] map:
                var same = reader.ReadMapHeader() == map.Length;
                for (var i = 0; same && i < map.Length; i++)
                    same = IsNext(ref reader, map[i].Key) && IsNext(ref reader, map[i].Value);
                return same;
            default:
                var items = (object?[])node;
                same = reader.ReadArrayHeader() == items.Length;
                for (var i = 0; same && i < items.Length; i++)
                    same = IsNext(ref reader, items[i]);
                return same;
        }
    }

    public override string ToString() => Convert.ToHexString(PeerBytes);

    private static void Write(ref MessagePackWriter writer, object? node)
    {
        switch (node)
        {
            case null: writer.WriteNil(); break;
            case bool v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case ulong v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case double v: writer.Write(v); break;
            case string v: writer.WriteString(Encoding.UTF8.GetBytes(v)); break;
            case byte[] v: writer.Write(v); break;
            case KeyValuePair<object?, object?>[] map:
                writer.WriteMapHeader(map.Length);
                foreach (var (key, value) in map)
                {
                    Write(ref writer, key);
                    Write(ref writer, value);
                }

                break;
            default:
                var items = (object?[])node;
                writer.WriteArrayHeader(items.Length);
                foreach (var item in items)
                    Write(ref writer, item);
                break;
        }
    }

    private static Gen<object?> Nodes(int levels) => levels == 0 ? s_leaves : Gen.Frequency(
        (2, s_leaves),
        (2, Gen.Elements(s_counts).SelectMany(n => Nodes(levels == 1 || n > 3 ? 0 : levels - 1).ArrayOf(n)).Select(v => (object?)v)),
        (2, Gen.Elements(s_counts).SelectMany(n => Pairs(levels == 1 || n > 3 ? 0 : levels - 1).ArrayOf(n)).Select(v => (object?)v)));

    private static Gen<KeyValuePair<object?, object?>> Pairs(int levels) =>
        from key in s_leaves from value in Nodes(levels) select KeyValuePair.Create(key, value);
}
