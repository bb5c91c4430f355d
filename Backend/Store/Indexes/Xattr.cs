using System.Buffers.Binary;

namespace Modal.Backend.Store.Indexes;

/// <summary>An extended attribute (xattr(7)), such as <c>security.capability</c>.</summary>
/// <param name="Name">Its full name, from 1 to 255 bytes.</param>
/// <param name="Value">Its value, up to 65,536 bytes (the kernel's limit).</param>
public readonly record struct Xattr(ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value)
{
    private const int MaxValueBytes = 65_536;

    // A set: u16 count, then for each u16 length of the name, u32 length of the value, name, value.
    internal static byte[] Write(IReadOnlyCollection<Xattr> attributes)
    {
        var bytes = new byte[2 + attributes.Sum(a => 6 + a.Name.Length + a.Value.Length)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, checked((ushort)attributes.Count));
        var at = 2;
        foreach (var (name, value) in attributes.OrderBy(a => a, Comparer<Xattr>.Create(static (x, y) => x.Name.Span.SequenceCompareTo(y.Name.Span))))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), checked((ushort)name.Length));
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at + 2), (uint)value.Length);
            name.Span.CopyTo(bytes.AsSpan(at + 6));
            value.Span.CopyTo(bytes.AsSpan(at + 6 + name.Length));
            at += 6 + name.Length + value.Length;
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">There is no set here.</exception>
    internal static Xattr[] Read(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < 2)
        {
            throw Damaged();
        }

        // Not more than there can be: the number is not believed before the bytes are seen.
        var count = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span);
        if (count * 7 > bytes.Length)
        {
            throw Damaged();
        }

        var attributes = new Xattr[count];
        var at = 2;
        for (var i = 0; i < count; i++)
        {
            if (bytes.Length - at < 6)
            {
                throw Damaged();
            }

            int name = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[at..]);
            var value = BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[(at + 2)..]);
            if (name is 0 or > 255 || value > MaxValueBytes || bytes.Length - at - 6 < name + value)
            {
                throw Damaged();
            }

            attributes[i] = new Xattr(bytes.Slice(at + 6, name), bytes.Slice(at + 6 + name, (int)value));
            at += 6 + name + (int)value;
        }

        return attributes;
    }

    private static InvalidDataException Damaged() => new("The image index is damaged: an entry's attributes cannot be read.");
}
