using System.IO.Compression;
using System.Text;
using Modal.Backend.Images.Layers.Archives;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using ZstdNet;

namespace Modal.Backend.Images.Layers;

/// <summary>
/// Applies an archive to a tree: a layer of an OCI image, whose whiteouts remove what is below, or a root file system. Nothing in it can reach anything but the tree:
/// names never lead through links, as they do when an archive is unpacked into a folder.
/// </summary>
public sealed class TarLayer
{
    // PATH_MAX, with the zero at the end.
    private const int MaxPathBytes = 4095;
    private const int MaxTargetBytes = 4095;

    private readonly TreeNode _root;
    private readonly ContentWriter _writer;
    private readonly LayerLimits _limits;
    private readonly BombGuard _guard;

    // What this archive brought: an opaque whiteout hides only what was there before it.
    private readonly HashSet<TreeNode> _mine = new(ReferenceEqualityComparer.Instance);
    private long _entries;
    private long _bytes;

    private TarLayer(TreeNode root, ContentWriter writer, LayerLimits limits, BombGuard guard) => (_root, _writer, _limits, _guard) = (root, writer, limits, guard);

    /// <summary>Applies an archive, which may be compressed with gzip or zstd.</summary>
    /// <param name="root">The tree, changed; not usable after an error.</param>
    /// <param name="archive">Read to its end.</param>
    /// <param name="writer">Where files' contents go.</param>
    /// <param name="limits">What it may be at most.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LayerException">It is damaged, or has what an image cannot have.</exception>
    public static async Task ApplyAsync(TreeNode root, Stream archive, ContentWriter writer, LayerLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(limits);
        var counted = new CountingStream(new BufferedStream(archive, 128 * 1024));
        try
        {
            await using var guard = new BombGuard(await DecompressAsync(counted, cancellationToken), counted, limits);
            await using var content = new BufferedStream(guard, 128 * 1024);
            await new TarLayer(root, writer, limits, guard).ApplyAsync(content, cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdException)
        {
            throw new LayerException($"The archive is damaged: {e.Message}", e);
        }
        finally
        {
            await counted.DisposeAsync();
        }
    }

    private static async Task<Stream> DecompressAsync(CountingStream archive, CancellationToken cancellationToken)
    {
        var head = new byte[4];
        var length = await archive.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        var whole = new PrefixedStream(head.AsMemory(0, length), archive);
        return head switch
        {
            [0x1F, 0x8B, ..] => new GZipStream(whole, CompressionMode.Decompress),
            [0x28, 0xB5, 0x2F, 0xFD] => new DecompressionStream(whole),
            [0xFD, (byte)'7', (byte)'z', (byte)'X'] or [(byte)'B', (byte)'Z', (byte)'h', ..] =>
                throw new LayerException("The archive is compressed with xz or bzip2, which this program does not read: use gzip, zstd or nothing."),
            _ => length > 0 ? whole : throw new LayerException("The archive is empty: it has no bytes."),
        };
    }

    private async Task ApplyAsync(Stream content, CancellationToken cancellationToken)
    {
        // A layer without entries is common: instructions that change only settings make it.
        var archive = new TarArchive(content);
        while (await archive.ReadAsync(cancellationToken) is { } entry)
        {
            Count();
            await ApplyAsync(entry, cancellationToken);
        }

        // What compressed it put its own checksum at the end.
        await content.CopyToAsync(Stream.Null, cancellationToken);
    }

    private void Count()
    {
        if (++_entries > _limits.MaxEntries)
        {
            throw new LayerException($"The archive has more than {_limits.MaxEntries:N0} entries.");
        }
    }

    private async Task ApplyAsync(TarArchiveEntry entry, CancellationToken cancellationToken)
    {
        var parts = Split(entry.Path, entry.Name);
        if (parts.Count == 0)
        {
            if (entry.Kind == TarKind.Folder)
            {
                Describe(_root, entry);
            }

            return;
        }

        if (Whiteout.IsBookkeeping(parts[0]))
        {
            return;
        }

        var folder = FolderOf(parts, entry.Name);
        var name = parts[^1];
        if (Whiteout.IsOpaque(name))
        {
            Whiteout.HideBelow(folder, _mine);
        }
        else if (Whiteout.Hides(name, out var hidden))
        {
            folder.Children.Remove(TreeName.IsValid(hidden)
                ? new TreeName(hidden)
                : throw new LayerException($"The archive's entry '{entry.Name}' removes a name that no file can have."));
        }
        else if (await MakeAsync(entry, folder, name, cancellationToken) is { } node)
        {
            folder.Children[name] = node;
            _mine.Add(node);
        }
        else
        {
            // A device in the place of a file: the file is gone all the same.
            folder.Children.Remove(name);
        }
    }

    // Null for what has no place in an image.
    private async Task<TreeNode?> MakeAsync(TarArchiveEntry entry, TreeNode folder, TreeName name, CancellationToken cancellationToken)
    {
        switch (entry.Kind)
        {
            case TarKind.Folder:
                var there = folder.Children.TryGetValue(name, out var known) && known.IsDirectory ? known : new TreeNode { Mode = NodeModes.Directory };
                Describe(there, entry);
                return there;
            case TarKind.File:
                var file = new TreeNode { Mode = NodeModes.File };
                Describe(file, entry);
                CountBytes(entry);
                file.Content = await _writer.AddAsync(entry.Content, cancellationToken);
                return file;
            case TarKind.Link:
                if (entry.Target.Length is 0 or > MaxTargetBytes || entry.Target.Contains((byte)0))
                {
                    throw new LayerException($"The archive's link '{entry.Name}' has a target of {entry.Target.Length} bytes; from 1 to {MaxTargetBytes}, none of them zero, are possible.");
                }

                var link = new TreeNode { Mode = NodeModes.Link, Target = entry.Target };
                Describe(link, entry);
                link.Mode = NodeModes.Link | 0b111_111_111;
                return link;
            case TarKind.HardLink:
                return FindLinked(entry);
            case TarKind.Fifo:
                var fifo = new TreeNode { Mode = NodeModes.Fifo };
                Describe(fifo, entry);
                return fifo;
            case TarKind.CharacterDevice or TarKind.BlockDevice:
                return null;
            default:
                throw new LayerException($"The archive's entry '{entry.Name}' is of the kind '{(char)entry.Kind}', which this program does not know.");
        }
    }

    private void CountBytes(TarArchiveEntry entry)
    {
        if (entry.SizeBytes > _limits.MaxBytes - _bytes)
        {
            throw new LayerException($"The archive's files have, with '{entry.Name}', more than {_limits.MaxBytes:N0} bytes, the limit of an image.");
        }

        _bytes += entry.SizeBytes;
        _guard.Add(entry.HoleBytes);
    }

    private TreeNode FindLinked(TarArchiveEntry entry)
    {
        var node = _root;
        var target = Encoding.UTF8.GetString(entry.Target);
        foreach (var part in Split(entry.Target, entry.Name))
        {
            if (!node.IsDirectory || !node.Children.TryGetValue(part, out node!))
            {
                throw new LayerException($"The archive's entry '{entry.Name}' is another name of '{target}', which is not there.");
            }
        }

        return node.IsDirectory ? throw new LayerException($"The archive's entry '{entry.Name}' is another name of the folder '{target}'; folders have one name.") : node;
    }

    private static List<TreeName> Split(ReadOnlySpan<byte> path, string entry)
    {
        if (path.Length > MaxPathBytes)
        {
            throw new LayerException($"The archive's entry '{entry[..Math.Min(100, entry.Length)]}' has a path of {path.Length:N0} bytes; {MaxPathBytes:N0} are possible.");
        }

        var parts = new List<TreeName>();
        foreach (var range in path.Split((byte)'/'))
        {
            var part = path[range];
            if (part.IsEmpty || part.SequenceEqual("."u8))
            {
                continue;
            }

            if (!TreeName.IsValid(part))
            {
                throw new LayerException(part.SequenceEqual(".."u8)
                    ? $"The archive's entry '{entry}' leads out of its folder with '..'. Nothing of the archive was used."
                    : $"The archive's entry '{entry}' has a name that no file can have: 1 to 255 bytes without zero are possible.");
            }

            parts.Add(new TreeName(part));
        }

        return parts;
    }

    private TreeNode FolderOf(List<TreeName> parts, string entry)
    {
        var node = _root;
        for (var i = 0; i < parts.Count - 1; i++)
        {
            if (!node.Children.TryGetValue(parts[i], out var child))
            {
                // Archives may leave out folders that were there when they were made.
                Count();
                child = TreeNode.Directory();
                _mine.Add(child);
                node.Children.Add(parts[i], child);
            }
            else if (!child.IsDirectory)
            {
                child = TreeLinks.FollowToFolder(_root, node, child)
                    ?? throw new LayerException($"The archive's entry '{entry}' lies below '{parts[i]}', which is no folder in the image.");
            }

            node = child;
        }

        return node;
    }

    private static void Describe(TreeNode node, TarArchiveEntry entry)
    {
        node.Mode = (node.Mode & NodeModes.KindMask) | entry.Permissions;
        (node.Uid, node.Gid) = (entry.Uid, entry.Gid);
        (node.ModifiedSeconds, node.ModifiedNanoseconds) = entry.Modified;
        node.Attributes = entry.Attributes;
    }
}
