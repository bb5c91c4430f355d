using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>The local files that COPY and ADD take from.</summary>
internal sealed class BuildContext(IEnumerable<ImageFile> files)
{
    private TreeNode? _names;

    public IReadOnlyList<ImageFile> Files { get; } = [.. files];

    /// <summary>All names and links, without contents.</summary>
    public TreeNode Names
    {
        get
        {
            if (_names is null)
            {
                _names = TreeNode.Directory();
                foreach (var file in Files)
                {
                    var at = file.Path.LastIndexOf('/');
                    var folder = at < 0 ? _names : ContainerPaths.EnsureFolder(_names, file.Path[..at]);
                    folder.Children.TryAdd(new TreeName(file.Path[(at + 1)..]), file.IsDirectory ? TreeNode.Directory() : new TreeNode
                    {
                        Mode = file.LinkTarget.Length > 0 ? NodeModes.Link : NodeModes.File,
                        Target = Encoding.UTF8.GetBytes(file.LinkTarget),
                    });
                }
            }

            return _names;
        }
    }

    /// <summary>The files at or below paths; an empty one means all. In order.</summary>
    public List<ImageFile> Below(IEnumerable<string> paths)
    {
        // Each file asks for the folders that it lies in: paths may be as many as files.
        var chosen = paths.ToHashSet(StringComparer.Ordinal);
        return [.. Files.Where(f => IsBelow(f.Path)).OrderBy(static f => f.Path, StringComparer.Ordinal)];

        bool IsBelow(string path)
        {
            for (; path.Length > 0; path = path[..Math.Max(0, path.LastIndexOf('/'))])
            {
                if (chosen.Contains(path))
                {
                    return true;
                }
            }

            return chosen.Contains("");
        }
    }
}
