using Modal.Backend.Store.Chunks;
using static Modal.Backend.Store.Indexes.IndexLayout;

namespace Modal.Backend.Store.Indexes;

/// <summary>Proves that every number in an index leads to something of the right kind, so that its readers need no checks and cannot be led in circles.</summary>
internal static class IndexValidator
{
    /// <exception cref="InvalidDataException">It does not.</exception>
    public static void Validate(ImageIndex index)
    {
        ValidateBlobs(index);
        ValidateNodes(index);
    }

    private static void ValidateNodes(ImageIndex index)
    {
        var nodes = index.Nodes;
        Check(nodes[0].IsDirectory && nodes[0].Parent == 0 && nodes[0].NameLength == 0, 0, "the root");

        for (var n = 1; n < nodes.Length; n++)
        {
            ValidateName(index, n);
        }

        // Breadth first: the children of folders follow each other in the order of their folders, which makes the tree one that has no cycle and no orphan.
        var next = 1;
        for (var n = 0; n < nodes.Length; n++)
        {
            ref readonly var node = ref nodes[n];
            if (n > 0)
            {
                Check(nodes[node.Parent].IsDirectory, n, "its folder");
            }

            Check(node.ModifiedNanoseconds < 1_000_000_000, n, "its time");
            Check(node.Leader <= n && node.Leader >= 0 && (node.Leader == n || IsSameFile(in nodes[node.Leader], in node)), n, "its hard links");
            Check(node.LinkCount > 0, n, "its number of links");
            Check(node.Attributes <= (uint)index.AttributeBytes, n, "its attributes");
            if (node.Attributes != 0)
            {
                _ = index.GetAttributes(n);
            }

            switch (node.Mode & NodeModes.KindMask)
            {
                case NodeModes.Directory:
                    Check(node.Count >= 0 && node.Count <= nodes.Length - next && node.First == (node.Count == 0 ? 0 : next), n, "its entries");
                    for (var child = next; child < next + node.Count; child++)
                    {
                        Check(nodes[child].Parent == n, child, "its folder");
                        Check(child == next || index.GetName(child - 1).SequenceCompareTo(index.GetName(child)) < 0, child, "its place among its folder's entries");
                    }

                    next += node.Count;
                    break;
                case NodeModes.File:
                    Check(node.First < index.BlobCount && (node.First >= 0 ? index.GetBlobRow(node.First).SizeBytes == node.SizeBytes : node is { First: -1, SizeBytes: 0 }), n, "its content");
                    break;
                case NodeModes.Link:
                    Check(node.Count is > 0 and <= MaxLinkBytes && node.First >= 0 && node.First <= index.NameBytes - node.Count && node.SizeBytes == node.Count, n, "its target");
                    Check(!index.GetTarget(n).Contains((byte)0), n, "its target");
                    break;
                case NodeModes.Fifo:
                    break;
                default:
                    throw Damaged(n, "its kind");
            }
        }

        Check(next == nodes.Length, nodes.Length - 1, "its folder");
    }

    private static bool IsSameFile(in NodeInfo leader, in NodeInfo node) =>
        leader.Leader < node.Leader + 1 && !node.IsDirectory && leader.Mode == node.Mode && leader.First == node.First && leader.SizeBytes == node.SizeBytes
        && leader.LinkCount == node.LinkCount && leader.Uid == node.Uid && leader.Gid == node.Gid;

    private static void ValidateName(ImageIndex index, int n)
    {
        ref readonly var node = ref index.Nodes[n];
        Check(node.Parent >= 0 && node.Parent < n, n, "its folder");
        Check(node.NameLength is > 0 and <= MaxNameBytes && node.NameOffset <= index.NameBytes - node.NameLength, n, "its name");
        var name = index.GetName(n);
        Check(!name.ContainsAny((byte)0, (byte)'/') && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8), n, "its name");
    }

    private static void ValidateBlobs(ImageIndex index)
    {
        for (var c = 0; c < index.ChunkCount; c++)
        {
            var row = index.GetChunkRow(c);
            if (row.SizeBytes is <= 0 or > ChunkInfo.MaxBytes || row.StoredBytes is <= 0 or > 2 * ChunkInfo.MaxBytes || row.Pack < 0 || row.Pack >= index.PackCount)
            {
                throw new InvalidDataException($"The image index is damaged: chunk {c} cannot be what it says.");
            }
        }

        var nextDigest = 0;
        for (var b = 0; b < index.BlobCount; b++)
        {
            var row = index.GetBlobRow(b);
            var place = index.Places[b];
            var isRight = row.SizeBytes > 0 && place.Chunk >= 0 && place.Chunk < index.ChunkCount && place.Offset >= 0;
            if (isRight && row.FirstDigest < 0)
            {
                isRight = row.FirstDigest == -1 && row.SizeBytes <= ChunkInfo.MaxBytes && place.Offset + row.SizeBytes <= index.GetChunkRow(place.Chunk).SizeBytes;
            }
            else if (isRight)
            {
                isRight = HasItsChunks(index, row, place, nextDigest);
                nextDigest += isRight ? ChunkCountOf(row.SizeBytes) : 0;
            }

            if (!isRight)
            {
                throw new InvalidDataException($"The image index is damaged: content {b} cannot be where it says.");
            }
        }

        if (nextDigest != index.DigestCount)
        {
            throw new InvalidDataException("The image index is damaged: it has chunk digests that no content has.");
        }
    }

    // A large content's chunks are the tree's, whatever the placement says.
    private static bool HasItsChunks(ImageIndex index, BlobRow row, PlaceRow place, int nextDigest)
    {
        if (row.SizeBytes <= ChunkInfo.MaxBytes || row.SizeBytes > (long)MaxChunks * ChunkInfo.MaxBytes || place.Offset != 0 || row.FirstDigest != nextDigest)
        {
            return false;
        }

        var count = ChunkCountOf(row.SizeBytes);
        if (count > index.ChunkCount - place.Chunk || count > index.DigestCount - row.FirstDigest)
        {
            return false;
        }

        for (var i = 0; i < count; i++)
        {
            var chunk = index.GetChunk(place.Chunk + i);
            var expected = Math.Min(ChunkInfo.MaxBytes, row.SizeBytes - ((long)i * ChunkInfo.MaxBytes));
            if (chunk.SizeBytes != expected || chunk.Digest != index.GetTreeDigest(row.FirstDigest + i))
            {
                return false;
            }
        }

        return true;
    }

    private static void Check(bool isRight, int node, string what)
    {
        if (!isRight)
        {
            throw Damaged(node, what);
        }
    }

    private static InvalidDataException Damaged(int node, string what) => new($"The image index is damaged: entry {node}: {what} cannot be right.");
}
