using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
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
    private const string Whiteout = ".wh.";
    private const string OpaqueWhiteout = ".wh..wh..opq";
    private const string XattrPrefix = "SCHILY.xattr.";

    // Below this nothing is called a bomb: small archives of zeros are common.
    private const long RatioFromBytes = 1L << 30;

    private readonly TreeNode _root;
    private readonly ContentWriter _writer;
    private readonly LayerLimits _limits;
    private readonly CountingStream _archive;

    // What this archive brought: an opaque whiteout hides only what was there before it.
    private readonly HashSet<TreeNode> _mine = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<TreeNode> _opaque = new(ReferenceEqualityComparer.Instance);
    private long _entries;
    private long _bytes;

    private TarLayer(TreeNode root, ContentWriter writer, LayerLimits limits, CountingStream archive) => (_root, _writer, _limits, _archive) = (root, writer, limits, archive);

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
            await using var plain = await DecompressAsync(counted, cancellationToken);
            await new TarLayer(root, writer, limits, counted).ApplyAsync(plain, cancellationToken);
        }
        catch (NotSupportedException e)
        {
            // The reader of .NET stops at what only old formats have, such as GNU's own kind of sparse files.
            throw new LayerException($"The archive has what cannot be read: {e.Message.TrimEnd('.')}. Make it with 'tar --format=posix'.", e);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdException or FormatException or ArgumentException or OverflowException)
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
            _ => whole,
        };
    }

    private async Task ApplyAsync(Stream tar, CancellationToken cancellationToken)
    {
        await using var reader = new TarReader(tar, leaveOpen: true);
        while (await reader.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
        {
            if (++_entries > _limits.MaxEntries)
            {
                throw new LayerException($"The archive has more than {_limits.MaxEntries:N0} entries.");
            }

            await ApplyAsync(entry, cancellationToken);
        }

        if (_entries == 0)
        {
            throw new LayerException("The archive has no entries: it is empty or no tar archive.");
        }
    }

    private async Task ApplyAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        var parts = Split(SparseMap.NameOf(entry), entry.Name);
        if (parts.Count == 0)
        {
            if (entry.EntryType == TarEntryType.Directory)
            {
                Describe(_root, entry);
            }

            return;
        }

        var folder = FolderOf(parts, entry.Name);
        var name = parts[^1].ToString();
        if (name == OpaqueWhiteout)
        {
            if (_opaque.Add(folder))
            {
                HideBelow(folder);
            }
        }
        else if (name.StartsWith(Whiteout, StringComparison.Ordinal))
        {
            var hidden = name[Whiteout.Length..];
            if (!TreeName.IsValid(Encoding.UTF8.GetBytes(hidden)))
            {
                throw new LayerException($"The archive's entry '{entry.Name}' removes a name that no file can have.");
            }

            folder.Children.Remove(new TreeName(hidden));
        }
        else if (await MakeAsync(entry, folder, parts[^1], cancellationToken) is { } node)
        {
            folder.Children[parts[^1]] = node;
            _mine.Add(node);
        }
    }

    // Also in folders that this archive describes again or puts something into: the mark may come after them. Says whether anything is left.
    private bool HideBelow(TreeNode folder)
    {
        foreach (var (name, child) in folder.Children.ToList())
        {
            var isLeft = child.IsDirectory && HideBelow(child);
            if (!isLeft && !_mine.Contains(child))
            {
                folder.Children.Remove(name);
            }
        }

        return folder.Children.Count > 0;
    }

    // Null for what has no place in an image.
    private async Task<TreeNode?> MakeAsync(TarEntry entry, TreeNode folder, TreeName name, CancellationToken cancellationToken)
    {
        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                var there = folder.Children.TryGetValue(name, out var known) && known.IsDirectory ? known : new TreeNode { Mode = NodeModes.Directory };
                Describe(there, entry);
                return there;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                var file = new TreeNode { Mode = NodeModes.File };
                Describe(file, entry);
                var sparse = SparseMap.IsSparse(entry) ? await SparseMap.ReadAsync(entry, cancellationToken) : null;
                var length = sparse?.SizeBytes ?? entry.Length;

                // First alone: the sum of lengths that an archive only claims could overflow.
                Check(length);
                _bytes += length;
                Check(_bytes);
                CheckRatio(length);
                file.Content = length == 0 ? null : await _writer.AddAsync(sparse is null ? entry.DataStream! : new SparseStream(sparse, entry.DataStream ?? Stream.Null), cancellationToken);
                return file;
            case TarEntryType.SymbolicLink:
                var target = Encoding.UTF8.GetBytes(entry.LinkName);
                if (target.Length is 0 or > 4095 || target.Contains((byte)0))
                {
                    throw new LayerException($"The archive's link '{entry.Name}' has a target of {target.Length} bytes; from 1 to 4095 are possible.");
                }

                var link = new TreeNode { Mode = NodeModes.Link | 0b111_111_111, Target = target };
                Describe(link, entry);
                link.Mode = NodeModes.Link | 0b111_111_111;
                return link;
            case TarEntryType.HardLink:
                return FindLinked(entry);
            case TarEntryType.Fifo:
                var fifo = new TreeNode { Mode = NodeModes.Fifo };
                Describe(fifo, entry);
                return fifo;
            case TarEntryType.CharacterDevice or TarEntryType.BlockDevice:
                return null;
            default:
                throw new LayerException($"The archive's entry '{entry.Name}' is of the kind '{(char)entry.EntryType}', which this program does not know.");
        }
    }

    private void Check(long bytes)
    {
        if (bytes > _limits.MaxBytes || bytes < 0)
        {
            throw new LayerException($"The archive's files have more than {_limits.MaxBytes:N0} bytes, the limit of an image.");
        }
    }

    private void CheckRatio(long length)
    {
        // Without the entry itself: its bytes have not been read yet.
        if (_bytes - length > RatioFromBytes && (_bytes - length) / _limits.MaxRatio > _archive.Count)
        {
            throw new LayerException($"The archive is more than {_limits.MaxRatio} times smaller than its content: it is taken for a decompression bomb.");
        }
    }

    private TreeNode FindLinked(TarEntry entry)
    {
        var node = _root;
        foreach (var part in Split(entry.LinkName, entry.Name))
        {
            if (!node.IsDirectory || !node.Children.TryGetValue(part, out node!))
            {
                throw new LayerException($"The archive's entry '{entry.Name}' is another name of '{entry.LinkName}', which is not there.");
            }
        }

        return node.IsDirectory ? throw new LayerException($"The archive's entry '{entry.Name}' is another name of the folder '{entry.LinkName}'; folders have one name.") : node;
    }

    private static List<TreeName> Split(string path, string entry)
    {
        var parts = new List<TreeName>();
        foreach (var part in path.Split('/').Where(static p => p is not ("" or ".")))
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            if (!TreeName.IsValid(bytes))
            {
                throw new LayerException(part == ".."
                    ? $"The archive's entry '{entry}' leads out of its folder with '..'. Nothing of the archive was used."
                    : $"The archive's entry '{entry}' has a name that no file can have: 1 to 255 bytes without zero are possible.");
            }

            parts.Add(new TreeName(bytes));
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
                child = TreeNode.Directory();
                _mine.Add(child);
                node.Children.Add(parts[i], child);
            }
            else if (!child.IsDirectory)
            {
                child = FollowToFolder(node, child)
                    ?? throw new LayerException($"The archive's entry '{entry}' lies below '{parts[i]}', which is no folder in the image.");
            }

            node = child;
        }

        return node;
    }

    // A layer may be made on an image where /lib is a folder and be put over one where it is a link to usr/lib: what unpacks images follows the link inside the image.
    private TreeNode? FollowToFolder(TreeNode folder, TreeNode link)
    {
        if (!link.IsLink)
        {
            return null;
        }

        var target = Encoding.UTF8.GetString(link.Target.Span);
        return target.Split('/').Contains("..", StringComparer.Ordinal) ? null : (target.StartsWith('/') ? _root : folder).Find(target) is { IsDirectory: true } found ? found : null;
    }

    private static void Describe(TreeNode node, TarEntry entry)
    {
        node.Mode = (node.Mode & NodeModes.KindMask) | ((int)entry.Mode & 0xFFF);
        node.Uid = (uint)entry.Uid;
        node.Gid = (uint)entry.Gid;
        var ticks = entry.ModificationTime.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        node.ModifiedSeconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest) - (rest < 0 ? 1 : 0);
        node.ModifiedNanoseconds = (uint)((rest < 0 ? rest + TimeSpan.TicksPerSecond : rest) * 100);
        if (entry is PaxTarEntry pax)
        {
            // .NET gives pax values as text; those of capabilities are binary, and what did not survive that is left out rather than set wrong.
            node.Attributes =
            [
                .. pax.ExtendedAttributes.Where(a => a.Key.StartsWith(XattrPrefix, StringComparison.Ordinal) && !a.Value.Contains('\uFFFD', StringComparison.Ordinal))
                    .Select(a => new Xattr(Encoding.UTF8.GetBytes(a.Key[XattrPrefix.Length..]), Encoding.UTF8.GetBytes(a.Value))),
            ];
        }
    }
}
