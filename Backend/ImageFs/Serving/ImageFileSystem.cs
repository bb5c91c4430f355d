using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Modal.Backend.ImageFs.Protocol;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>
/// An image as a file system. The kernel's number of a node is the entry's number in the index + 1, and that of the first name for all hard links of a file: nothing
/// is remembered between requests, so any process that has the index can go on serving. Nothing ever changes, so the kernel may keep names, attributes and pages.
/// </summary>
internal sealed class ImageFileSystem(ImageIndex index, IContent content, OpenFiles? openFiles = null) : IFuseFileSystem
{
    // A year: for ever, in a number that no kernel overflows.
    private const ulong ValidSeconds = 365 * 86_400;
    private const int BlockBytes = 4096;

    private readonly Lazy<bool> _hasAttributes = new(() => Enumerable.Range(0, index.NodeCount).Any(n => index.GetAttributes(n).Count > 0));
    private readonly Lazy<long> _totalBytes = new(() => Enumerable.Range(0, index.BlobCount).Sum(b => index.GetBlob(b).SizeBytes));
    private volatile TraceRecorder[] _recorders = [];

    /// <summary>Records the first reads from now on.</summary>
    public void Add(TraceRecorder recorder)
    {
        lock (_hasAttributes)
        {
            _recorders = [.. _recorders, recorder];
        }
    }

    /// <summary>Records no more.</summary>
    public void Remove(TraceRecorder recorder)
    {
        lock (_hasAttributes)
        {
            _recorders = [.. _recorders.Where(r => r != recorder)];
        }
    }

    /// <inheritdoc/>
    public FuseFeatures Choose(FuseFeatures offered)
    {
        const FuseFeatures Always = FuseFeatures.AsyncRead | FuseFeatures.DoReadDirPlus | FuseFeatures.ReadDirPlusAuto | FuseFeatures.ParallelDirOps | FuseFeatures.MaxPages
            | FuseFeatures.CacheSymlinks | FuseFeatures.NoOpenDirSupport | FuseFeatures.InitExt | FuseFeatures.HasResend;
        return openFiles is null ? Always | FuseFeatures.NoOpenSupport : Always | openFiles.Choose(offered);
    }

    /// <inheritdoc/>
    public int Answer(in FuseRequest request, Span<byte> reply, FuseReplies replies)
    {
        if (request.Opcode == FuseOpcode.StatFs)
        {
            return StatFs(reply);
        }

        if (request.Header.NodeId - FuseConstants.RootId >= (ulong)index.NodeCount)
        {
            return -Errno.ESTALE;
        }

        var node = (int)(request.Header.NodeId - FuseConstants.RootId);
        return request.Opcode switch
        {
            FuseOpcode.Lookup => Lookup(node, in request, reply),
            FuseOpcode.GetAttr => GetAttributes(node, reply),
            FuseOpcode.ReadLink => ReadLink(node, reply),
            FuseOpcode.Read => Read(node, in request, reply, replies),
            FuseOpcode.ReadDirectory => List(node, in request, reply, withAttributes: false),
            FuseOpcode.ReadDirectoryPlus => List(node, in request, reply, withAttributes: true),
            FuseOpcode.GetXattr => GetXattr(node, in request, reply),
            FuseOpcode.ListXattr => ListXattr(node, in request, reply),
            FuseOpcode.Open => openFiles?.Open(node, in request, reply, replies) ?? -Errno.ENOSYS,
            FuseOpcode.Release => openFiles is null ? 0 : openFiles.Release(node, in request, replies),

            // The kernel refuses these itself on a read-only mount; should it be remounted, they are refused here.
            FuseOpcode.SetAttr or FuseOpcode.Symlink or FuseOpcode.MakeNode or FuseOpcode.MakeDirectory or FuseOpcode.Unlink or FuseOpcode.RemoveDirectory
                or FuseOpcode.Rename or FuseOpcode.Rename2 or FuseOpcode.Link or FuseOpcode.Write or FuseOpcode.SetXattr or FuseOpcode.RemoveXattr
                or FuseOpcode.Create or FuseOpcode.Fallocate or FuseOpcode.CopyFileRange or FuseOpcode.TemporaryFile => -Errno.EROFS,

            // Asked once: the kernel then does without. OPENDIR: folders are cached. FLUSH, FSYNC: nothing is written. ACCESS: the kernel checks permissions. And so on.
            _ => -Errno.ENOSYS,
        };
    }

    private int Lookup(int folder, in FuseRequest request, Span<byte> reply)
    {
        if (!request.TryReadName(0, out var name))
        {
            return -Errno.EINVAL;
        }

        if (name.Length > 255)
        {
            return -Errno.ENAMETOOLONG;
        }

        // Node 0 with a time is "there is no such name, and there will not be".
        var found = index.Lookup(folder, name);
        return Write(reply, found < 0 ? new FuseEntryOut { EntryValid = ValidSeconds } : MakeEntry(found));
    }

    private int GetAttributes(int node, Span<byte> reply) => Write(reply, new FuseAttrOut { AttrValid = ValidSeconds, Attr = MakeAttr(node) });

    private int ReadLink(int node, Span<byte> reply)
    {
        var target = index.GetTarget(node);
        target.CopyTo(reply);
        return target.IsEmpty ? -Errno.EINVAL : target.Length;
    }

    private int Read(int node, in FuseRequest request, Span<byte> reply, FuseReplies replies)
    {
        if (!index.GetNode(node).IsFile || !request.TryRead(out FuseReadIn read) || read.Size > FuseSession.MaxReplyBytes)
        {
            return -Errno.EINVAL;
        }

        var blob = index.GetBlobNumber(node);
        var size = (ulong)index.GetNode(node).SizeBytes;
        if (blob < 0 || read.Offset >= size)
        {
            return 0;
        }

        var length = (int)Math.Min(read.Size, size - read.Offset);
        foreach (var recorder in _recorders)
        {
            recorder.Add(node, (long)read.Offset, length);
        }

        var offset = (long)read.Offset;
        var count = content.TryRead(index, blob, offset, reply[..length]);
        if (count == length)
        {
            return length;
        }

        replies.ReadLater(request.Header.Unique, length, (buffer, cancellationToken) => content.ReadAsync(index, blob, offset, buffer, cancellationToken));
        return FuseAnswer.Later;
    }

    private int List(int folder, in FuseRequest request, Span<byte> reply, bool withAttributes)
    {
        ref readonly var info = ref index.GetNode(folder);
        if (!info.IsDirectory || !request.TryRead(out FuseReadIn read) || read.Size > FuseSession.MaxReplyBytes)
        {
            return -Errno.EINVAL;
        }

        // Places in a listing: 0 ".", 1 "..", 2 and on the entries in the order of the index, which never changes.
        var (first, count) = index.GetChildren(folder);
        var listing = new DirectoryListing(reply[..(int)read.Size], withAttributes);
        for (var place = read.Offset; place < (ulong)count + 2; place++)
        {
            bool fits;
            if (place < 2)
            {
                var inode = place == 0 ? folder : info.Parent;
                fits = listing.TryAdd(place == 0 ? "."u8 : ".."u8, Number(inode), place + 1, NodeModes.Directory, default);
            }
            else
            {
                var child = first + (int)(place - 2);
                var entry = withAttributes ? MakeEntry(child) : default;
                ref readonly var node = ref index.GetNode(child);
                fits = listing.TryAdd(index.GetName(child), Number(node.Leader), place + 1, node.Mode, in entry);
            }

            if (!fits)
            {
                break;
            }
        }

        return listing.Length;
    }

    private int GetXattr(int node, in FuseRequest request, Span<byte> reply)
    {
        if (!_hasAttributes.Value)
        {
            return -Errno.ENOSYS;
        }

        if (!request.TryRead(out FuseGetXattrIn wanted) || !request.TryReadName(Unsafe.SizeOf<FuseGetXattrIn>(), out var name))
        {
            return -Errno.EINVAL;
        }

        foreach (var attribute in index.GetAttributes(node))
        {
            if (attribute.Name.Span.SequenceEqual(name))
            {
                return Give(attribute.Value.Span, wanted.Size, reply);
            }
        }

        return -Errno.ENODATA;
    }

    private int ListXattr(int node, in FuseRequest request, Span<byte> reply)
    {
        if (!_hasAttributes.Value)
        {
            return -Errno.ENOSYS;
        }

        if (!request.TryRead(out FuseGetXattrIn wanted))
        {
            return -Errno.EINVAL;
        }

        var names = new List<byte>();
        foreach (var attribute in index.GetAttributes(node))
        {
            names.AddRange(attribute.Name.Span);
            names.Add(0);
        }

        return Give(CollectionsMarshal.AsSpan(names), wanted.Size, reply);
    }

    // Size 0 asks how long it is.
    private static int Give(ReadOnlySpan<byte> value, uint wanted, Span<byte> reply)
    {
        if (wanted == 0)
        {
            return Write(reply, new FuseGetXattrOut { Size = (uint)value.Length });
        }

        if (value.Length > wanted || value.Length > reply.Length)
        {
            return -Errno.ERANGE;
        }

        value.CopyTo(reply);
        return value.Length;
    }

    private int StatFs(Span<byte> reply) => Write(reply, new FuseStatFsOut
    {
        Blocks = (ulong)((_totalBytes.Value + BlockBytes - 1) / BlockBytes),
        Files = (ulong)index.NodeCount,
        BlockSize = BlockBytes,
        FragmentSize = BlockBytes,
        NameLength = 255,
    });

    private FuseEntryOut MakeEntry(int node) => new()
    {
        NodeId = Number(index.GetNode(node).Leader),
        EntryValid = ValidSeconds,
        AttrValid = ValidSeconds,
        Attr = MakeAttr(node),
    };

    private FuseAttr MakeAttr(int node)
    {
        ref readonly var info = ref index.GetNode(node);
        return new FuseAttr
        {
            Inode = Number(info.Leader),
            Size = (ulong)info.SizeBytes,
            Blocks = ((ulong)info.SizeBytes + 511) / 512,
            Accessed = info.ModifiedSeconds,
            Modified = info.ModifiedSeconds,
            Changed = info.ModifiedSeconds,
            AccessedNanoseconds = info.ModifiedNanoseconds,
            ModifiedNanoseconds = info.ModifiedNanoseconds,
            ChangedNanoseconds = info.ModifiedNanoseconds,
            Mode = info.Mode,
            LinkCount = (uint)info.LinkCount,
            Uid = info.Uid,
            Gid = info.Gid,
            BlockSize = BlockBytes,
        };
    }

    private static ulong Number(int node) => (ulong)node + FuseConstants.RootId;

    private static int Write<T>(Span<byte> reply, in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(reply, in value);
        return Unsafe.SizeOf<T>();
    }
}
