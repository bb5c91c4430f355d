using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Modal.Backend.Store.Digests;
using static Modal.Backend.Store.Indexes.IndexLayout;

namespace Modal.Backend.Store.Indexes;

/// <summary>Where the sections of an index begin, proven to lie inside it.</summary>
internal readonly record struct IndexSections(
    int NodeCount, int BlobCount, int DigestCount, int NameBytes, int AttributeBytes, int ChunkCount, int PackCount,
    int Nodes, int Blobs, int Digests, int Names, int Attributes, int TreeBytes, int Places, int Chunks, int Packs)
{
    /// <exception cref="InvalidDataException">The bytes are no index, or one that was cut off or changed.</exception>
    public static IndexSections Locate(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || MemoryMarshal.Read<TreeHeader>(bytes) is not { Magic: TreeMagic } tree)
        {
            throw new InvalidDataException("These bytes are no image index.");
        }

        Check(tree.NodeCount is > 0 and <= MaxNodes, "number of entries", tree.NodeCount);
        Check(tree.BlobCount >= 0 && tree.BlobCount <= tree.NodeCount, "number of contents", tree.BlobCount);
        Check(tree.DigestCount is >= 0 and <= MaxChunks, "number of chunk digests", tree.DigestCount);
        Check(tree.NameBytes >= 0, "length of names", tree.NameBytes);
        Check(tree.AttributeBytes >= 0, "length of attributes", tree.AttributeBytes);
        long nodes = HeaderBytes;
        var blobs = nodes + ((long)tree.NodeCount * NodeBytes);
        var digests = blobs + ((long)tree.BlobCount * BlobBytes);
        var names = digests + ((long)tree.DigestCount * Digest.Bytes);
        var attributes = Align(names + tree.NameBytes);
        var end = Align(attributes + tree.AttributeBytes);
        Check(end + HeaderBytes <= bytes.Length, "length of the file", bytes.Length);

        var rest = bytes[(int)end..];
        var placement = MemoryMarshal.Read<PlacementHeader>(rest);
        Check(placement.Magic == PlacementMagic, "mark of the placement", (long)placement.Magic);
        Check(placement.ChunkCount is >= 0 and <= MaxChunks, "number of chunks", placement.ChunkCount);
        Check(placement.PackCount >= 0 && placement.PackCount <= placement.ChunkCount, "number of packs", placement.PackCount);
        var places = end + HeaderBytes;
        var chunks = places + ((long)tree.BlobCount * PlaceBytes);
        var packs = chunks + ((long)placement.ChunkCount * ChunkBytes);
        Check(packs + ((long)placement.PackCount * Digest.Bytes) == bytes.Length, "length of the file", bytes.Length);
        Span<byte> hash = stackalloc byte[Digest.Bytes];
        SHA256.HashData(rest[HeaderBytes..], hash);
        if (!hash.SequenceEqual(rest.Slice(HeaderBytes - Digest.Bytes, Digest.Bytes)))
        {
            throw new InvalidDataException("The placement of the image index is damaged: its digest does not match.");
        }

        return new IndexSections(
            tree.NodeCount, tree.BlobCount, tree.DigestCount, tree.NameBytes, tree.AttributeBytes, placement.ChunkCount, placement.PackCount,
            (int)nodes, (int)blobs, (int)digests, (int)names, (int)attributes, (int)end, (int)places, (int)chunks, (int)packs);
    }

    private static void Check(bool isRight, string what, long value)
    {
        if (!isRight)
        {
            throw new InvalidDataException($"The image index is damaged: its {what} cannot be {value}.");
        }
    }
}
