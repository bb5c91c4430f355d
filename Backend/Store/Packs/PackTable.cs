using System.Buffers.Binary;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Packs;

/// <summary>
/// What a pack says of itself: after the frames, and 16 random bytes that make its name its own, a row of 48 bytes for each chunk (size, stored size, offset, zero: 4 bytes each, little-endian; digest), then 16 bytes
/// (number of rows, version 1, the mark "MODLPAK1"). Indexes know all of it too; this is for checking a pack alone.
/// </summary>
public static class PackTable
{
    /// <summary>Length of what follows the rows.</summary>
    public const int TrailerBytes = 16;

    private const int RowBytes = 48;
    private const int Version = 1;
    private const ulong Magic = 0x314B_4150_4C44_4F4D;

    /// <summary>The chunks of a pack.</summary>
    /// <param name="pack">The pack's digest, for the result.</param>
    /// <param name="bytes">All of its bytes.</param>
    /// <exception cref="InvalidDataException">It is no pack, or damaged.</exception>
    public static IReadOnlyList<ChunkInfo> Read(Digest pack, ReadOnlySpan<byte> bytes)
    {
        var trailer = bytes.Length < TrailerBytes ? default : bytes[^TrailerBytes..];
        if (trailer.IsEmpty || BinaryPrimitives.ReadUInt64LittleEndian(trailer[8..]) != Magic || BinaryPrimitives.ReadInt32LittleEndian(trailer[4..]) != Version)
        {
            throw new InvalidDataException($"The pack {pack} is damaged: it does not end as a pack does.");
        }

        var count = BinaryPrimitives.ReadInt32LittleEndian(trailer);
        var end = bytes.Length - TrailerBytes - ((long)count * RowBytes);
        if (count < 0 || end < 0)
        {
            throw new InvalidDataException($"The pack {pack} is damaged: it cannot have {count} chunks.");
        }

        var chunks = new ChunkInfo[count];
        for (var i = 0; i < count; i++)
        {
            var row = bytes.Slice((int)end + (i * RowBytes), RowBytes);
            var (size, stored, offset) = (BinaryPrimitives.ReadInt32LittleEndian(row), BinaryPrimitives.ReadInt32LittleEndian(row[4..]), BinaryPrimitives.ReadUInt32LittleEndian(row[8..]));
            if (size is <= 0 or > ChunkInfo.MaxBytes || stored <= 0 || offset + (long)stored > end)
            {
                throw new InvalidDataException($"The pack {pack} is damaged: its chunk {i} cannot be where it says.");
            }

            chunks[i] = new ChunkInfo(new Digest(row[16..]), size, pack, offset, stored);
        }

        return chunks;
    }

    internal static byte[] Write(IReadOnlyList<ChunkInfo> chunks)
    {
        var bytes = new byte[(chunks.Count * RowBytes) + TrailerBytes];
        for (var i = 0; i < chunks.Count; i++)
        {
            var row = bytes.AsSpan(i * RowBytes, RowBytes);
            BinaryPrimitives.WriteInt32LittleEndian(row, chunks[i].SizeBytes);
            BinaryPrimitives.WriteInt32LittleEndian(row[4..], chunks[i].StoredBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(row[8..], (uint)chunks[i].PackOffset);
            chunks[i].Digest.CopyTo(row[16..]);
        }

        var trailer = bytes.AsSpan(bytes.Length - TrailerBytes);
        BinaryPrimitives.WriteInt32LittleEndian(trailer, chunks.Count);
        BinaryPrimitives.WriteInt32LittleEndian(trailer[4..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(trailer[8..], Magic);
        return bytes;
    }
}
