using System.Text;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A COPY or ADD under way. One use.</summary>
/// <param name="plan">What to do.</param>
/// <param name="sources">Paths to copy from, and the name of each in a folder.</param>
/// <param name="owner">Whose the files are.</param>
/// <param name="root">What is copied to.</param>
/// <param name="source">What is copied from.</param>
/// <param name="blobs">The context's contents.</param>
/// <param name="files">The context, if it is copied from.</param>
/// <param name="writer">Stores contents.</param>
internal sealed class Copying(
    CopyPlan plan, IReadOnlyList<(string Name, string Path)> sources, (uint Uid, uint Gid) owner, TreeNode root, TreeNode source, IBlobSource blobs, IReadOnlyList<ImageFile> files, ContentWriter writer)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var toFolder = plan.Target.EndsWith('/') || sources.Count + plan.Documents.Count > 1 || FolderAt(plan.Target) is not null;
        foreach (var (name, path) in sources)
        {
            var node = source.Find(path)!;
            if (node.IsDirectory)
            {
                // What is in it, as docker does, not the folder itself.
                Merge(FolderFor(plan.Target), node, "");
            }
            else if (plan.Unpacks && files.FirstOrDefault(f => f.Path == path) is { Digest.Length: > 0 } file && await IsArchiveAsync(file, cancellationToken))
            {
                await UnpackAsync(file, cancellationToken);
            }
            else if (!plan.IsExcluded(name))
            {
                Put(name, Copy(node), toFolder);
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

    // What is missing is made, with the owner and mode of what is copied.
    private TreeNode FolderFor(string path)
    {
        var node = root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = new TreeName(part);
            if (!node.Children.TryGetValue(name, out var child))
            {
                node.Children[name] = child = new TreeNode { Mode = NodeModes.Directory | (plan.Mode ?? 0b111_101_101), Uid = owner.Uid, Gid = owner.Gid };
            }

            node = child.IsDirectory ? child : TreeLinks.FollowToFolder(root, node, child) ?? throw Conflict(path.TrimEnd('/'), "a file", "a folder");
        }

        return node;
    }

    private void Put(string name, TreeNode node, bool toFolder)
    {
        var target = toFolder ? $"{plan.Target.TrimEnd('/')}/{name}" : plan.Target;
        var at = target.LastIndexOf('/');
        var (folder, last) = (FolderFor(target[..at]), new TreeName(target[(at + 1)..]));
        folder.Children[last] = folder.Children.TryGetValue(last, out var there) && there.IsDirectory ? throw Conflict(target, "a folder", "a file") : node;
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
