using System.IO.Pipelines;
using System.Text;
using Grpc.Core;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Volumes;

/// <summary>What clients do with the files of a volume, on its tree. Links are entries like others: no path leads through one.</summary>
internal static class VolumeFiles
{
    private const int Permissions = 0b111_111_111;

    // Who runs in containers unless an image says otherwise.
    private const uint Nobody = 65534;

    /// <summary>The names of a path.</summary>
    /// <exception cref="RpcException">It has a name that no file can have.</exception>
    public static string[] Split(string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return names.All(static n => TreeName.IsValid(Encoding.UTF8.GetBytes(n)))
            ? names
            : throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{path}' is no path in a volume: names have 1 to 255 bytes and are neither '.' nor '..'."));
    }

    /// <summary>Entries at and below a path, a folder before what is in it; of a folder those in it.</summary>
    public static IEnumerable<VolumeEntry> List(ImageIndex index, string path, bool recursive)
    {
        var names = Split(path);
        var node = Find(index, path);
        var prefix = string.Join('/', names);
        return index.GetNode(node).IsDirectory ? Children(index, node, prefix, recursive) : [Entry(index, node, prefix)];
    }

    /// <summary>The number of an entry.</summary>
    /// <exception cref="RpcException">There is none.</exception>
    public static int Find(ImageIndex index, string path) => index.Find(string.Join('/', Split(path))) is var node and >= 0 ? node : throw Missing(path);

    /// <summary>Adds files that were uploaded.</summary>
    public static async Task WriteAsync(TreeNode root, ContentWriter writer, WriteVolumeFilesRequest request, TierBlobs blobs, CancellationToken cancellationToken)
    {
        foreach (var file in request.Files)
        {
            var names = Split(file.Path);
            if (names.Length == 0)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "A file cannot be written in place of the volume's root."));
            }

            var folder = Folder(root, names[..^1], file.Path);
            var name = new TreeName(names[^1]);
            folder.Children.TryGetValue(name, out var there);
            if (file.Kind == VolumeEntryKind.Directory)
            {
                if (there is { IsDirectory: false })
                {
                    throw Exists(file.Path, "a file");
                }

                folder.Children[name] = there ?? Make(file, NodeModes.Directory);
                continue;
            }

            if (there is { IsDirectory: true })
            {
                throw Exists(file.Path, "a folder");
            }

            if (there is not null && !request.Force)
            {
                throw Exists(file.Path, "a file");
            }

            var entry = Make(file, file.Kind == VolumeEntryKind.Link ? NodeModes.Link : NodeModes.File);
            if (file.Kind == VolumeEntryKind.Link)
            {
                entry.Mode = NodeModes.Link | Permissions;
                entry.Target = Encoding.UTF8.GetBytes(file.LinkTarget);
                if (entry.Target.Length is 0 or > 4095)
                {
                    throw new RpcException(new Status(StatusCode.InvalidArgument, $"The link '{file.Path}' must have a target of 1 to 4,095 bytes."));
                }
            }
            else if (file.Digest.Length > 0)
            {
                entry.Content = await StoreAsync(file.Digest, writer, blobs, cancellationToken);
            }

            folder.Children[name] = entry;
        }
    }

    /// <summary>Removes an entry.</summary>
    public static void Remove(TreeNode root, string path, bool recursive)
    {
        var names = Split(path);
        if (names.Length == 0)
        {
            if (!recursive && root.Children.Count > 0)
            {
                throw NotEmpty("the volume");
            }

            root.Children.Clear();
            return;
        }

        if (root.Find(string.Join('/', names[..^1])) is not { IsDirectory: true } folder || !folder.Children.TryGetValue(new TreeName(names[^1]), out var entry))
        {
            throw Missing(path);
        }

        if (entry.IsDirectory && entry.Children.Count > 0 && !recursive)
        {
            throw NotEmpty($"'{path}'");
        }

        folder.Children.Remove(new TreeName(names[^1]));
    }

    /// <summary>Copies entries, folders with what is in them.</summary>
    public static void Copy(TreeNode root, IReadOnlyList<string> sources, string destination)
    {
        var target = Split(destination);
        var into = root.Find(string.Join('/', target)) as TreeNode;
        if (into is not { IsDirectory: true } && (sources.Count > 1 || destination.EndsWith('/')))
        {
            throw new RpcException(new Status(StatusCode.NotFound, $"'{destination}' is no folder of the volume: make it first, or copy one file to a new name."));
        }

        foreach (var source in sources)
        {
            var names = Split(source);
            if (names.Length == 0 || root.Find(string.Join('/', names)) is not { } entry)
            {
                throw Missing(source);
            }

            var isInto = into is { IsDirectory: true };
            string[] path = isInto ? [.. target, names[^1]] : target;
            if (entry.IsDirectory && path.AsSpan().StartsWith(names))
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{source}' cannot be copied into itself."));
            }

            var folder = root.Find(string.Join('/', path[..^1])) is { IsDirectory: true } found ? found : throw Missing(string.Join('/', path[..^1]));
            var name = new TreeName(path[^1]);
            if (folder.Children.TryGetValue(name, out var there) && there.IsDirectory != entry.IsDirectory)
            {
                throw Exists(string.Join('/', path), there.IsDirectory ? "a folder" : "a file");
            }

            CopyTo(folder, name, entry);
        }
    }

    private static void CopyTo(TreeNode folder, TreeName name, TreeNode entry)
    {
        // An object of its own: the same one twice would be a hard link.
        var copy = entry.IsDirectory && folder.Children.TryGetValue(name, out var there) && there.IsDirectory ? there : new TreeNode
        {
            Mode = entry.Mode,
            Uid = entry.Uid,
            Gid = entry.Gid,
            ModifiedSeconds = entry.ModifiedSeconds,
            ModifiedNanoseconds = entry.ModifiedNanoseconds,
            Target = entry.Target,
            Content = entry.Content,
            Attributes = entry.Attributes,
        };
        folder.Children[name] = copy;
        if (entry.IsDirectory)
        {
            foreach (var (child, below) in entry.Children)
            {
                CopyTo(copy, child, below);
            }
        }
    }

    private static IEnumerable<VolumeEntry> Children(ImageIndex index, int folder, string prefix, bool recursive)
    {
        var (first, count) = index.GetChildren(folder);
        for (var node = first; node < first + count; node++)
        {
            var path = prefix.Length > 0 ? $"{prefix}/{Encoding.UTF8.GetString(index.GetName(node))}" : Encoding.UTF8.GetString(index.GetName(node));
            yield return Entry(index, node, path);
            if (recursive && index.GetNode(node).IsDirectory)
            {
                foreach (var below in Children(index, node, path, recursive))
                {
                    yield return below;
                }
            }
        }
    }

    private static VolumeEntry Entry(ImageIndex index, int node, string path)
    {
        ref readonly var info = ref index.GetNode(node);
        return new VolumeEntry
        {
            Path = path,
            Kind = info.IsDirectory ? VolumeEntryKind.Directory : info.IsFile ? VolumeEntryKind.File : info.IsLink ? VolumeEntryKind.Link : VolumeEntryKind.Fifo,
            SizeBytes = info.IsFile ? info.SizeBytes : 0,
            ModifiedUnixMs = (info.ModifiedSeconds * 1000) + (info.ModifiedNanoseconds / 1_000_000),
            Mode = (uint)(info.Mode & 0xFFF),
            LinkTarget = info.IsLink ? Encoding.UTF8.GetString(index.GetTarget(node)) : "",
        };
    }

    private static TreeNode Folder(TreeNode root, string[] names, string path)
    {
        var folder = root;
        foreach (var name in names)
        {
            if (!folder.Children.TryGetValue(new TreeName(name), out var child))
            {
                folder.Children[new TreeName(name)] = child = new TreeNode { Mode = NodeModes.Directory | Permissions, Uid = Nobody, Gid = Nobody };
            }

            folder = child.IsDirectory ? child : throw new RpcException(new Status(StatusCode.FailedPrecondition, $"'{path}' cannot be written: '{name}' is no folder."));
        }

        return folder;
    }

    private static TreeNode Make(WrittenVolumeFile file, int kind) => new()
    {
        Mode = kind | ((int)file.Mode & Permissions),
        Uid = Nobody,
        Gid = Nobody,
        ModifiedSeconds = file.ModifiedUnixMs / 1000,
        ModifiedNanoseconds = (uint)(file.ModifiedUnixMs % 1000 * 1_000_000),
    };

    private static async Task<FileContent?> StoreAsync(string digest, ContentWriter writer, TierBlobs blobs, CancellationToken cancellationToken)
    {
        var pipe = new Pipe();
        var read = ReadAsync();
        var content = await writer.AddAsync(pipe.Reader.AsStream(), cancellationToken);
        await read;
        return content;

        async Task ReadAsync()
        {
            Exception? problem = null;
            try
            {
                if (!await blobs.ReadAsync(digest, async (piece, token) => await pipe.Writer.WriteAsync(piece, token), cancellationToken))
                {
                    problem = new RpcException(new Status(StatusCode.FailedPrecondition, $"The blob {digest} is not in the store: upload it first."));
                }
            }
#pragma warning disable CA1031 // Handed to the reader, who throws it.
            catch (Exception e)
            {
                problem = e;
            }
#pragma warning restore CA1031
            await pipe.Writer.CompleteAsync(problem);
        }
    }

    private static RpcException Missing(string path) => new(new Status(StatusCode.NotFound, $"The volume has no '{path}'."));

    private static RpcException Exists(string path, string what) => new(new Status(StatusCode.AlreadyExists, $"The volume has {what} '{path}' already. {(what == "a file" ? "Set force to replace files." : "Remove it first.")}"));

    private static RpcException NotEmpty(string what) => new(new Status(StatusCode.FailedPrecondition, $"{what} is a folder with something in it: set recursive to remove it with all that is in it."));
}
