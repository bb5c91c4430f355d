using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A COPY or ADD under way. One use.</summary>
/// <param name="plan">What to do.</param>
/// <param name="owner">Whose the files are.</param>
/// <param name="root">What is copied to.</param>
/// <param name="source">What is copied from.</param>
/// <param name="blobs">The context's contents.</param>
/// <param name="files">The context, if it is copied from.</param>
/// <param name="writer">Stores contents.</param>
internal sealed class Copying(CopyPlan plan, (uint Uid, uint Gid) owner, TreeNode root, TreeNode source, IBlobSource blobs, IReadOnlyList<ImageFile> files, ContentWriter writer)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var found = plan.Sources.SelectMany(Find).ToList();
        var toFolder = plan.Target.EndsWith('/') || found.Count + plan.Documents.Count > 1 || FolderAt(plan.Target) is not null;
        foreach (var (path, node) in found)
        {
            if (node.IsDirectory)
            {
                // What is in it, as docker does, not the folder itself.
                Merge(FolderFor(plan.Target), node, "");
            }
            else if (plan.Unpacks && files.FirstOrDefault(f => f.Path == path) is { Digest.Length: > 0 } file && await IsArchiveAsync(file, cancellationToken))
            {
                await UnpackAsync(file, cancellationToken);
            }
            else if (!plan.IsExcluded(path.Split('/')[^1]))
            {
                Put(path, Copy(node), toFolder);
            }
        }

        foreach (var (name, content) in plan.Documents)
        {
            using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(content));
            Put(name, Copy(new TreeNode { Mode = NodeModes.File | 0b110_100_100, Content = await writer.AddAsync(bytes, cancellationToken) }), toFolder);
        }
    }

    private async Task UnpackAsync(ImageFile file, CancellationToken cancellationToken)
    {
        await using var archive = await blobs.OpenAsync(file.Digest, cancellationToken);
        try
        {
            await TarLayer.ApplyAsync(FolderFor(plan.Target), archive, writer, new LayerLimits(), cancellationToken);
        }
        catch (LayerException e)
        {
            throw new DockerfileException(plan.Line, $"'{file.Path}' cannot be unpacked: {e.Message} COPY it if it is to stay packed.");
        }
    }

    private List<(string Path, TreeNode Node)> Find(CopySource from)
    {
        var found = new List<(string, TreeNode)>();
        Walk(source, "", from.Names, 0, found);
        return found.Count > 0 || from.IsOptional ? found : throw new DockerfileException(plan.Line, $"there is no '{from.Text}' to copy.");
    }

    private static void Walk(TreeNode node, string path, IReadOnlyList<PathPattern> names, int depth, List<(string Path, TreeNode Node)> found)
    {
        if (depth == names.Count)
        {
            found.Add((path.TrimStart('/'), node));
            return;
        }

        foreach (var (name, child) in node.IsDirectory ? node.Children : [])
        {
            if (names[depth].IsMatch(name.ToString()))
            {
                Walk(child, $"{path}/{name}", names, depth + 1, found);
            }
        }
    }

    // The folder that a path leads to, also through links to folders; null if there is none.
    private TreeNode? FolderAt(string path)
    {
        var node = root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.Children.TryGetValue(new TreeName(part), out var child) || (child.IsDirectory ? child : TreeLinks.FollowToFolder(root, node, child)) is not { } folder)
            {
                return null;
            }

            node = folder;
        }

        return node;
    }

    private TreeNode FolderFor(string path) => FolderAt(path) is null && root.Find(path) is { IsLink: false } ? throw Conflict(path, "a file", "a folder") : ContainerPaths.EnsureFolder(root, path);

    private void Put(string path, TreeNode node, bool toFolder)
    {
        var target = toFolder ? $"{plan.Target.TrimEnd('/')}/{path.Split('/')[^1]}" : plan.Target;
        var at = target.LastIndexOf('/');
        var (folder, name) = (FolderFor(target[..at]), new TreeName(target[(at + 1)..]));
        folder.Children[name] = folder.Children.TryGetValue(name, out var there) && there.IsDirectory ? throw Conflict(target, "a folder", "a file") : node;
    }

    private void Merge(TreeNode target, TreeNode folder, string prefix)
    {
        foreach (var (name, child) in folder.Children)
        {
            var path = $"{prefix}{name}";
            if (plan.IsExcluded(path))
            {
                continue;
            }

            target.Children.TryGetValue(name, out var there);
            if (!child.IsDirectory)
            {
                target.Children[name] = there is { IsDirectory: true } ? throw Conflict(path, "a folder", "a file") : Copy(child);
                continue;
            }

            // A link to a folder is followed: /lib of most images is one.
            var into = there is null or { IsDirectory: true } ? there : TreeLinks.FollowToFolder(root, target, there) ?? throw Conflict(path, "a file", "a folder");
            if (into is null)
            {
                target.Children[name] = into = Copy(child);
            }

            Merge(into, child, path + "/");
        }
    }

    private DockerfileException Conflict(string path, string there, string copied) => new(plan.Line, $"'{path}' is {there} in the image and would be {copied}: RUN rm before, or choose another destination.");

    // Without children.
    private TreeNode Copy(TreeNode node) => new()
    {
        Mode = plan.Mode is { } mode && !node.IsLink ? (node.Mode & NodeModes.KindMask) | mode : node.Mode,
        Uid = owner.Uid,
        Gid = owner.Gid,
        ModifiedSeconds = node.ModifiedSeconds,
        ModifiedNanoseconds = node.ModifiedNanoseconds,
        Target = node.Target,
        Content = node.Content,
        Attributes = node.Attributes,
    };

    private async Task<bool> IsArchiveAsync(ImageFile file, CancellationToken cancellationToken)
    {
        await using var content = await blobs.OpenAsync(file.Digest, cancellationToken);
        var head = new byte[262];
        var length = await content.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        return length >= 4 && (head is [0x1F, 0x8B, ..] or [0x28, 0xB5, 0x2F, 0xFD, ..] || (length == 262 && head.AsSpan(257, 5).SequenceEqual("ustar"u8)));
    }
}
