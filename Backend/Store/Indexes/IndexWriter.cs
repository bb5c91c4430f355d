using System.Runtime.InteropServices;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Trees;
using static Modal.Backend.Store.Indexes.IndexLayout;

namespace Modal.Backend.Store.Indexes;

/// <summary>Writes a tree as an index. The same tree gives the same bytes up to the placement.</summary>
internal sealed class IndexWriter
{
    private readonly List<(TreeNode Node, TreeName Name, int Parent)> _entries = [];
    private readonly Dictionary<TreeNode, (int Leader, int Links)> _links = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Digest, int> _blobs = [];
    private readonly List<FileContent> _contents = [];
    private readonly ByteTable _names = new();
    private readonly ByteTable _attributes = new();

    private IndexWriter()
    {
    }

    /// <exception cref="InvalidDataException">The tree cannot be an index: a limit is named in the message.</exception>
    public static byte[] Write(TreeNode root)
    {
        if (!root.IsDirectory)
        {
            throw new InvalidDataException("The root of an image must be a folder.");
        }

        var writer = new IndexWriter();
        writer.Collect(root);
        var nodes = writer.MakeNodes();
        return writer.Assemble(nodes);
    }

    private void Collect(TreeNode root)
    {
        _entries.Add((root, default, 0));
        for (var n = 0; n < _entries.Count; n++)
        {
            var node = _entries[n].Node;
            ref var links = ref CollectionsMarshal.GetValueRefOrAddDefault(_links, node, out var known);
            if (known && node.IsDirectory)
            {
                throw new InvalidDataException($"The folder {_entries[n].Name} is in the tree twice.");
            }

            links = (known ? links.Leader : n, links.Links + 1);
            if (!node.IsDirectory)
            {
                continue;
            }

            foreach (var (name, child) in node.Children)
            {
                _entries.Add((child, name, n));
            }

            if (_entries.Count > MaxNodes)
            {
                throw new InvalidDataException($"The image has more than {MaxNodes:N0} files and folders.");
            }
        }
    }

    private NodeInfo[] MakeNodes()
    {
        var nodes = new NodeInfo[_entries.Count];
        var next = 1;
        for (var n = 0; n < nodes.Length; n++)
        {
            var (node, name, parent) = _entries[n];
            var (first, count, size) = Body(node, next);
            next += node.IsDirectory ? count : 0;
            var (leader, links) = _links[node];
            nodes[n] = new NodeInfo
            {
                NameOffset = n == 0 ? 0 : (uint)_names.Add(name.Bytes),
                NameLength = n == 0 ? (ushort)0 : (ushort)name.Bytes.Length,
                Mode = checked((ushort)node.Mode),
                Uid = node.Uid,
                Gid = node.Gid,
                ModifiedSeconds = node.ModifiedSeconds,
                ModifiedNanoseconds = node.ModifiedNanoseconds,
                Parent = parent,
                SizeBytes = size,
                First = first,
                Count = count,
                Leader = leader,
                LinkCount = node.IsDirectory ? 2 + node.Children.Values.Count(c => c.IsDirectory) : links,
                Attributes = node.Attributes.Count == 0 ? 0 : 1 + (uint)_attributes.Add(Xattr.Write(node.Attributes)),
            };
        }

        return nodes;
    }

    private (int First, int Count, long Size) Body(TreeNode node, int next)
    {
        switch (node.Mode & NodeModes.KindMask)
        {
            case NodeModes.Directory:
                return (node.Children.Count == 0 ? 0 : next, node.Children.Count, 0);
            case NodeModes.File when node.Content is { } content:
                ref var blob = ref CollectionsMarshal.GetValueRefOrAddDefault(_blobs, content.Digest, out var known);
                if (!known)
                {
                    blob = _contents.Count;
                    _contents.Add(content);
                }

                return (blob, 0, content.SizeBytes);
            case NodeModes.File:
                return (-1, 0, 0);
            case NodeModes.Link:
                if (node.Target.Length is 0 or > MaxLinkBytes)
                {
                    throw new InvalidDataException($"A symbolic link's target has {node.Target.Length} bytes; from 1 to {MaxLinkBytes} are possible.");
                }

                return (_names.Add(node.Target.Span), node.Target.Length, node.Target.Length);
            default:
                return (0, 0, 0);
        }
    }

    private byte[] Assemble(NodeInfo[] nodes)
    {
        var digests = _contents.Where(c => c.Chunks.Count > 1).Sum(c => c.Chunks.Count);
        var placement = new PlacementWriter(_contents);
        var blobs = HeaderBytes + ((long)nodes.Length * NodeBytes);
        var digestsAt = blobs + ((long)_contents.Count * BlobBytes);
        var names = digestsAt + ((long)digests * Digest.Bytes);
        var attributes = Align(names + _names.Length);
        var end = Align(attributes + _attributes.Length);
        var total = end + placement.Length;
        if (total > int.MaxValue)
        {
            throw new InvalidDataException($"The image's index would have {total:N0} bytes; 2 GiB is the limit.");
        }

        var bytes = new byte[total];
        MemoryMarshal.Write(bytes, new TreeHeader
        {
            Magic = TreeMagic,
            NodeCount = nodes.Length,
            BlobCount = _contents.Count,
            DigestCount = digests,
            NameBytes = _names.Length,
            AttributeBytes = _attributes.Length,
        });
        MemoryMarshal.AsBytes(nodes.AsSpan()).CopyTo(bytes.AsSpan(HeaderBytes));
        WriteContents(bytes.AsSpan((int)blobs), bytes.AsSpan((int)digestsAt));
        _names.Bytes.CopyTo(bytes.AsSpan((int)names));
        _attributes.Bytes.CopyTo(bytes.AsSpan((int)attributes));
        placement.Write(bytes.AsSpan((int)end));
        return bytes;
    }

    private void WriteContents(Span<byte> blobs, Span<byte> digests)
    {
        var digest = 0;
        for (var b = 0; b < _contents.Count; b++)
        {
            var content = _contents[b];
            var isLarge = content.Chunks.Count > 1;
            MemoryMarshal.Write(blobs[(b * BlobBytes)..], new BlobRow { SizeBytes = content.SizeBytes, FirstDigest = isLarge ? digest : -1 });
            content.Digest.CopyTo(blobs[((b * BlobBytes) + 16)..]);
            foreach (var chunk in isLarge ? content.Chunks : [])
            {
                chunk.Digest.CopyTo(digests[(digest++ * Digest.Bytes)..]);
            }
        }
    }
}
