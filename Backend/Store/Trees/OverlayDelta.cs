namespace Modal.Backend.Store.Trees;

/// <summary>
/// What was written over a tree since the last time. It can be applied to any other tree as well, such as a newer version: entries that were written replace what is there, entries
/// that were removed go, and all else stays. So the last write to a file wins, and writers of different files do not disturb each other.
/// </summary>
public sealed class OverlayDelta
{
    private readonly OverlayChange _root;

    internal OverlayDelta(OverlayChange root, SeenEntry seen, int count) => (_root, Seen, Count) = (root, seen, count);

    /// <summary>Number of entries that were written or removed.</summary>
    public int Count { get; }

    internal SeenEntry Seen { get; }

    /// <summary>Changes a tree. May be called for several.</summary>
    /// <param name="root">The tree.</param>
    public void ApplyTo(TreeNode root)
    {
        ArgumentNullException.ThrowIfNull(root);
        Apply(root, _root);
    }

    private static void Apply(TreeNode folder, OverlayChange changes)
    {
        foreach (var (name, change) in changes.Children)
        {
            if (change.Known is { } known)
            {
                Remove(folder, name, known);
            }

            if (change.Node is not { } node)
            {
                continue;
            }

            if (!node.IsDirectory)
            {
                folder.Children[name] = node;
                continue;
            }

            if (!folder.Children.TryGetValue(name, out var there) || !there.IsDirectory)
            {
                folder.Children[name] = there = new TreeNode { Mode = node.Mode };
                Describe(there, node);
            }
            else if (change.IsChanged)
            {
                Describe(there, node);
            }

            Apply(there, change);
        }
    }

    private static void Remove(TreeNode folder, TreeName name, KnownEntry known)
    {
        if (!folder.Children.TryGetValue(name, out var there))
        {
            return;
        }

        if (there.IsDirectory)
        {
            foreach (var (child, entry) in known.Children())
            {
                Remove(there, child, entry);
            }

            if (there.Children.Count > 0)
            {
                // Somebody else's, of whom the remover did not know.
                return;
            }
        }

        folder.Children.Remove(name);
    }

    private static void Describe(TreeNode folder, TreeNode from)
    {
        (folder.Mode, folder.Uid, folder.Gid) = (from.Mode, from.Uid, from.Gid);
        (folder.ModifiedSeconds, folder.ModifiedNanoseconds, folder.Attributes) = (from.ModifiedSeconds, from.ModifiedNanoseconds, from.Attributes);
    }
}
