using Modal.Backend.Store.Trees;

namespace Modal.Backend.Images.Layers;

/// <summary>Entries of a layer that say what of the layers below is gone.</summary>
internal static class Whiteout
{
    private static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>Whether it hides all that is in its folder.</summary>
    public static bool IsOpaque(TreeName name) => name.Bytes.SequenceEqual(".wh..wh..opq"u8);

    /// <summary>Whether it is a file that aufs made for itself, as old layers have it.</summary>
    public static bool IsBookkeeping(TreeName name) => name.Bytes.StartsWith(".wh..wh."u8) && !IsOpaque(name);

    /// <summary>Whether it hides one name, which need not be one that a file can have.</summary>
    public static bool Hides(TreeName name, out ReadOnlySpan<byte> hidden)
    {
        var hides = name.Bytes.StartsWith(Prefix);
        hidden = hides ? name.Bytes[Prefix.Length..] : default;
        return hides;
    }

    /// <summary>Removes what is in a folder but for what the layer itself brought, in whatever order it did.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="mine">What the layer brought.</param>
    public static void HideBelow(TreeNode folder, IReadOnlySet<TreeNode> mine)
    {
        // By hand: how deep a folder lies is up to who made the archive.
        var folders = new List<(TreeNode Folder, TreeNode? Parent, TreeName Name)> { (folder, null, default) };
        for (var i = 0; i < folders.Count; i++)
        {
            var parent = folders[i].Folder;
            foreach (var (name, child) in parent.Children.ToList())
            {
                if (child.IsDirectory)
                {
                    folders.Add((child, parent, name));
                }
                else if (!mine.Contains(child))
                {
                    parent.Children.Remove(name);
                }
            }
        }

        // Those that lie deeper first: a folder from below stays as long as it holds something of this layer.
        for (var i = folders.Count - 1; i > 0; i--)
        {
            var (child, parent, name) = folders[i];
            if (child.Children.Count == 0 && !mine.Contains(child))
            {
                parent!.Children.Remove(name);
            }
        }
    }
}
