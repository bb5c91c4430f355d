using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Images.Building;

/// <summary>
/// Places in an image where things are mounted. They are made when the image is, because what is mounted over a read-only tree needs something to be mounted on.
/// </summary>
internal static class ContainerPaths
{
    private static readonly string[] s_folders =
        ["proc", "sys", "dev", "tmp", "etc", "modal/code", "modal/runner", "modal/runner-aspnetcore", "modal/dotnet", "modal/context"];

    private const int TemporaryMode = NodeModes.Directory | 0b001_111_111_111;

    /// <summary>Makes what every container needs.</summary>
    public static void Ensure(TreeNode root)
    {
        foreach (var folder in s_folders)
        {
            EnsureFolder(root, folder);
        }

        root.Find("tmp")!.Mode = TemporaryMode;
    }

    /// <summary>The folder at a path, made with all above it if need be. What is there and is no folder is replaced: a link would lead elsewhere.</summary>
    /// <param name="root">The image's root, where absolute links lead from.</param>
    /// <param name="path">Names separated by '/'.</param>
    /// <param name="from">Where the path begins; null for the root.</param>
    public static TreeNode EnsureFolder(TreeNode root, string path, TreeNode? from = null)
    {
        var node = from ?? root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(static p => p != "."))
        {
            var name = new TreeName(part);
            node.Children.TryGetValue(name, out var there);
            var child = there is { IsDirectory: true } ? there : TreeLinks.FollowToFolder(root, node, there);
            if (child is null)
            {
                node.Children[name] = child = TreeNode.Directory();
            }

            node = child;
        }

        return node;
    }
}
