using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Trees;

/// <summary>An entry of a tree that is being made. The same object under two names is a file with two hard links. Not safe for several threads.</summary>
public sealed class TreeNode
{
    /// <summary>Kind and permissions, as st_mode has them (<see cref="NodeModes"/>). The kind does not change.</summary>
    public required int Mode { get; set; }

    /// <summary>Owner.</summary>
    public uint Uid { get; set; }

    /// <summary>Group.</summary>
    public uint Gid { get; set; }

    /// <summary>Last modification in seconds since 1970.</summary>
    public long ModifiedSeconds { get; set; }

    /// <summary>From 0 to 999,999,999.</summary>
    public uint ModifiedNanoseconds { get; set; }

    /// <summary>Of a symbolic link: from 1 to 4095 bytes.</summary>
    public ReadOnlyMemory<byte> Target { get; set; }

    /// <summary>Of a file; null if it is empty.</summary>
    public FileContent? Content { get; set; }

    /// <summary>Extended attributes.</summary>
    public IReadOnlyList<Xattr> Attributes { get; set; } = [];

    /// <summary>Of a folder.</summary>
    public SortedDictionary<TreeName, TreeNode> Children => field ??= [];

    /// <summary>Whether it is a folder.</summary>
    public bool IsDirectory => (Mode & NodeModes.KindMask) == NodeModes.Directory;

    /// <summary>Whether it is a regular file.</summary>
    public bool IsFile => (Mode & NodeModes.KindMask) == NodeModes.File;

    /// <summary>Whether it is a symbolic link.</summary>
    public bool IsLink => (Mode & NodeModes.KindMask) == NodeModes.Link;

    /// <summary>A folder owned by root.</summary>
    /// <param name="permissions">Such as octal 755.</param>
    public static TreeNode Directory(int permissions = 0b111_101_101) => new() { Mode = NodeModes.Directory | permissions };

    /// <summary>A tree that is the same as an image's, and can be changed.</summary>
    public static TreeNode FromIndex(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        var contents = new IndexContents(index);
        var nodes = new TreeNode[index.NodeCount];
        for (var n = 0; n < nodes.Length; n++)
        {
            ref readonly var info = ref index.GetNode(n);
            nodes[n] = info.Leader < n ? nodes[info.Leader] : new TreeNode
            {
                Mode = info.Mode,
                Uid = info.Uid,
                Gid = info.Gid,
                ModifiedSeconds = info.ModifiedSeconds,
                ModifiedNanoseconds = info.ModifiedNanoseconds,
                Target = info.IsLink ? index.GetTarget(n).ToArray() : default,
                Content = index.GetBlobNumber(n) is var blob and >= 0 ? contents[blob] : null,
                Attributes = [.. index.GetAttributes(n).Select(a => new Xattr(a.Name.ToArray(), a.Value.ToArray()))],
            };
            if (n > 0)
            {
                nodes[info.Parent].Children.Add(new TreeName(index.GetName(n)), nodes[n]);
            }
        }

        return nodes[0];
    }

    /// <summary>Finds an entry by its path, not following links.</summary>
    /// <param name="path">Names separated by '/'; an empty one is this entry.</param>
    /// <returns>Null if there is none.</returns>
    public TreeNode? Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var node = this;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.IsDirectory || !node.Children.TryGetValue(new TreeName(part), out node))
            {
                return null;
            }
        }

        return node;
    }
}
