using System.Text;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Images.Layers;

/// <summary>Links inside a tree.</summary>
internal static class TreeLinks
{
    /// <summary>
    /// The folder that a link leads to, inside the tree and without '..'. Debian's /lib, /bin and the like are links to folders in /usr: what is put below them belongs there, also if the layer that
    /// brings it was made over an image where they are folders.
    /// </summary>
    /// <param name="root">Where absolute links lead from.</param>
    /// <param name="folder">Where the link is.</param>
    /// <param name="link">Maybe a link.</param>
    /// <returns>Null if it is none, or leads to no folder.</returns>
    public static TreeNode? FollowToFolder(TreeNode root, TreeNode folder, TreeNode? link)
    {
        if (link is not { IsLink: true })
        {
            return null;
        }

        var target = Encoding.UTF8.GetString(link.Target.Span);
        return target.Split('/').Contains("..", StringComparer.Ordinal) ? null
            : (target.StartsWith('/') ? root : folder).Find(target) is { IsDirectory: true } found ? found : null;
    }
}
