using System.Text;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Images.Tests;

/// <summary>Trees as lines that can be compared.</summary>
internal static class Listing
{
    /// <summary>Without times of folders and without devices.</summary>
    public static List<string> Of(TreeNode root)
    {
        var lines = new List<string>();
        Add(root, "", lines);
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static void Add(TreeNode folder, string prefix, List<string> lines)
    {
        foreach (var (name, node) in folder.Children)
        {
            var path = $"{prefix}{name}";
            var time = (node.Mode & NodeModes.KindMask) == NodeModes.File ? $"{node.ModifiedSeconds}" : "";
            lines.Add($"{path} {node.Mode:x} {node.Uid}:{node.Gid} {time} {node.Content?.Digest} {Encoding.UTF8.GetString(node.Target.Span)}");
            if (node.IsDirectory)
            {
                Add(node, path + "/", lines);
            }
        }
    }
}
