using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Trees;

/// <summary>One pass over a folder, without the files' contents.</summary>
internal sealed class DirectoryScan(List<PendingFile> files, CancellationToken cancellationToken)
{
    // overlayfs(5) keeps its own marks there; they say nothing about the file.
    private static readonly byte[] s_overlayPrefix = "trusted.overlay."u8.ToArray();

    private readonly Dictionary<ulong, TreeNode> _linked = [];

    /// <summary>Reads a folder and all below it.</summary>
    /// <param name="path">Without a zero at the end.</param>
    public TreeNode Read(byte[] path)
    {
        var terminated = Terminated(path);
        var status = Files.Status(terminated);
        if ((status.Mode & NodeModes.KindMask) != NodeModes.Directory)
        {
            throw new IOException($"{System.Text.Encoding.UTF8.GetString(path)} is no folder.");
        }

        var root = Make(terminated, in status);
        Fill(root, path, status.FileSystem);
        return root;
    }

    /// <summary>The entry for a file; null for what has no place in an image.</summary>
    /// <param name="path">With a zero at the end.</param>
    /// <param name="status">What is known of it.</param>
    public TreeNode? ReadEntry(byte[] path, in FileStatus status)
    {
        var kind = status.Mode & NodeModes.KindMask;
        if (kind is not (NodeModes.Directory or NodeModes.File or NodeModes.Link or NodeModes.Fifo))
        {
            return null;
        }

        if (kind == NodeModes.Directory || status.LinkCount < 2)
        {
            return Make(path, in status);
        }

        if (!_linked.TryGetValue(status.Inode, out var node))
        {
            node = Make(path, in status);
            _linked.Add(status.Inode, node);
        }

        return node;
    }

    /// <summary>A path with a zero at its end.</summary>
    public static byte[] Terminated(ReadOnlySpan<byte> path)
    {
        var terminated = new byte[path.Length + 1];
        path.CopyTo(terminated);
        return terminated;
    }

    /// <summary>The path of an entry of a folder, with a zero at the end.</summary>
    public static byte[] Join(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> name)
    {
        var path = new byte[folder.Length + name.Length + 2];
        folder.CopyTo(path);
        path[folder.Length] = (byte)'/';
        name.CopyTo(path.AsSpan(folder.Length + 1));
        return path;
    }

    private void Fill(TreeNode folder, byte[] path, ulong fileSystem)
    {
        cancellationToken.ThrowIfCancellationRequested();

        // In the order of the tree, whatever order the file system has: what is read together then lies together in a chunk, and the same folder gives the same chunks everywhere.
        var names = Files.List(Terminated(path));
        names.Sort(static (x, y) => x.AsSpan().SequenceCompareTo(y));
        foreach (var name in names)
        {
            var child = Join(path, name);
            var status = Files.Status(child);
            if (ReadEntry(child, in status) is not { } node)
            {
                continue;
            }

            folder.Children.Add(new TreeName(name), node);
            if (node.IsDirectory && status.FileSystem == fileSystem)
            {
                Fill(node, child[..^1], fileSystem);
            }
        }
    }

    private TreeNode Make(byte[] path, in FileStatus status)
    {
        var node = new TreeNode
        {
            Mode = status.Mode,
            Uid = status.Uid,
            Gid = status.Gid,
            ModifiedSeconds = status.ModifiedSeconds,
            ModifiedNanoseconds = status.ModifiedNanoseconds,
        };
        var attributes = Files.Attributes(path);
        if (attributes.Count > 0)
        {
            node.Attributes = [.. attributes.Where(a => !a.Name.AsSpan().StartsWith(s_overlayPrefix)).Select(a => new Xattr(a.Name, a.Value))];
        }

        if (node.IsLink)
        {
            node.Target = Files.ReadLink(path);
        }
        else if (node.IsFile && status.SizeBytes > 0)
        {
            files.Add(new PendingFile(path, node, status.SizeBytes));
        }

        return node;
    }
}
