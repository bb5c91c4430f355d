using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Trees;

/// <summary>
/// The upper folder of an overlay that is mounted and in use: finds what was written since it was looked at the last time. The overlay must be mounted with
/// <c>redirect_dir=off,metacopy=off</c>. Whoever writes may be an enemy: folders are opened one within the other and links are never followed, so that nothing outside is read. For one thread at a time.
/// </summary>
/// <param name="folder">The upper folder.</param>
/// <param name="lower">The tree that it lies over; must stay open.</param>
/// <param name="time">Its clock is the one of the file system.</param>
public sealed class OverlayUpper(string folder, ImageIndex lower, TimeProvider time)
{
    // Times of changes are as coarse as the kernel's tick, at most 10 ms: what is that young may change again and look the same. It is read again the next time.
    private static readonly TimeSpan s_young = TimeSpan.FromMilliseconds(50);

    private static readonly byte[] s_opaque = "trusted.overlay.opaque"u8.ToArray();

    private uint _scans;
    private SeenEntry _seen = new(default, TreeNode.Directory(), IsOpaque: false, []);

    /// <summary>Looks for changes and stores the contents of new files.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What was written since the last <see cref="Accept"/>; null if nothing was.</returns>
    /// <exception cref="IOException">A file cannot be read, or its content not be stored.</exception>
    public async Task<OverlayDelta?> ScanAsync(ContentWriter writer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(writer);
        using var scan = new Scan(lower, writer, time.GetUtcNow() - s_young, ++_scans, cancellationToken);
        using var root = Files.Open(DirectoryScan.Terminated(Encoding.UTF8.GetBytes(folder)), Files.O_RDONLY | Files.O_DIRECTORY | Files.O_NOFOLLOW);
        var change = new OverlayChange { Node = _seen.Node };
        var children = await scan.ReadAsync(root, _seen.Children!, node: 0, change);
        await scan.FinishAsync();
        return scan.Count > 0 ? new OverlayDelta(change, _seen with { Children = children }, scan.Count) : null;
    }

    /// <summary>Says that a delta was committed: the next one has what is written after it.</summary>
    /// <param name="delta">The last result of <see cref="ScanAsync"/>.</param>
    public void Accept(OverlayDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        _seen = delta.Seen;
    }

    private sealed class Scan(ImageIndex lower, ContentWriter writer, DateTimeOffset young, uint number, CancellationToken cancellationToken) : IDisposable
    {
        private readonly List<PendingFile> _files = [];
        private readonly ChunkBatch _batch = new();
        private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(ContentWriter.MaxSharedBytes + 1);
        private readonly List<Task> _large = [];
        private readonly long _youngSeconds = young.ToUnixTimeSeconds();
        private readonly uint _youngNanoseconds = (uint)(young.Ticks % TimeSpan.TicksPerSecond * 100);
        private DirectoryScan? _entries;

        public int Count { get; private set; }

        public async Task<Dictionary<TreeName, SeenEntry>> ReadAsync(SafeFileHandle folder, Dictionary<TreeName, SeenEntry> before, int node, OverlayChange changes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var names = Files.List(folder, "the volume"u8);
            var seen = new Dictionary<TreeName, SeenEntry>(names.Count);

            // In the order of the tree: what is read together then lies together.
            names.Sort(static (x, y) => x.AsSpan().SequenceCompareTo(y));
            foreach (var bytes in names)
            {
                var name = new TreeName(bytes);
                before.TryGetValue(name, out var last);
                var below = node >= 0 ? lower.Lookup(node, bytes) : -1;
                if (await TryReadAsync(folder, name, last, below, changes) is { } entry)
                {
                    seen.Add(name, entry);
                }
            }

            foreach (var (name, last) in before)
            {
                // What was only in the upper folder leaves no mark there when it is removed.
                if (!seen.ContainsKey(name) && last.Node is not null)
                {
                    Remove(changes, name, node >= 0 ? lower.Lookup(node, name.Bytes) : -1, last);
                }
            }

            return seen;
        }

        public async Task FinishAsync()
        {
            await writer.SealAsync(_batch, cancellationToken);
            await Task.WhenAll(_large);
        }

        public void Dispose()
        {
            // Of a scan that failed: they read open files.
            Task.WhenAll(_large).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            _batch.Dispose();
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        // Null if it is gone since it was listed.
        private async Task<SeenEntry?> TryReadAsync(SafeFileHandle folder, TreeName name, SeenEntry? last, int below, OverlayChange changes)
        {
            try
            {
                var status = Files.Status(folder, DirectoryScan.Terminated(name.Bytes));
                var stamp = Stamp(in status);
                if ((status.Mode & NodeModes.KindMask) == NodeModes.Directory)
                {
                    return await ReadFolderAsync(folder, name, status, last, below, changes);
                }

                if (last?.Stamp == stamp)
                {
                    return last;
                }

                var entry = ReadEntry(Path(folder, name), in status);
                if (entry is null)
                {
                    if (last is not { Node: null })
                    {
                        Remove(changes, name, below, last);
                    }

                    return new SeenEntry(stamp, null, false, null);
                }

                if (entry.IsFile && status.SizeBytes > 0)
                {
                    await StoreAsync(Path(folder, name), entry, mustCompare: last?.Stamp.Inode == stamp.Inode);
                }

                if (last?.Node is not { } old || !IsEqual(old, entry))
                {
                    Count++;
                    changes.Children[name] = new OverlayChange { Node = entry, IsChanged = true, Known = last?.Children is not null ? new KnownEntry(lower, below, last) : null };
                }

                return new SeenEntry(stamp, entry, false, null);
            }
            catch (IOException e) when (e.HResult is Files.ENOENT or Files.ENOTDIR or Files.ELOOP)
            {
                // Removed, or replaced by another kind, while it was looked at.
                return null;
            }
        }

        private async Task<SeenEntry> ReadFolderAsync(SafeFileHandle folder, TreeName name, FileStatus status, SeenEntry? last, int below, OverlayChange changes)
        {
            var path = Path(folder, name);
            using var opened = Files.Open(path, Files.O_RDONLY | Files.O_DIRECTORY | Files.O_NOFOLLOW);
            var stamp = Stamp(in status);
            var isSame = last?.Children is not null && last.Stamp == stamp;
            var isOpaque = isSame ? last!.IsOpaque : Files.Attributes(path).Any(static a => a.Name.AsSpan().SequenceEqual(s_opaque) && a.Value is [(byte)'y']);
            var entry = isSame ? last!.Node! : ReadEntry(path, in status)!;
            var isChanged = last?.Node is not { } old || !IsEqual(old, entry);

            // Anything there before is hidden by one that is opaque, and by one in place of something else.
            var hides = (isOpaque && !(last is { IsOpaque: true } && last.Stamp.Inode == stamp.Inode)) || last is { Node.IsDirectory: false };
            var change = new OverlayChange { Node = entry, IsChanged = isChanged, Known = hides ? new KnownEntry(lower, below, last) : null };
            var children = await ReadAsync(opened, last?.Children ?? [], isOpaque ? -1 : below, change);
            if (isChanged || hides || change.Children.Count > 0)
            {
                Count += isChanged || hides ? 1 : 0;
                changes.Children[name] = change;
            }

            return new SeenEntry(stamp, entry, isOpaque, children);
        }

        private void Remove(OverlayChange changes, TreeName name, int below, SeenEntry? last)
        {
            Count++;
            changes.Children[name] = new OverlayChange { IsChanged = true, Known = new KnownEntry(lower, below, last) };
        }

        private TreeNode? ReadEntry(byte[] path, in FileStatus status)
        {
            var entry = (_entries ??= new DirectoryScan(_files, cancellationToken)).ReadEntry(path, in status);
            _files.Clear();
            return entry;
        }

        // One that is to be compared with what was there is not left for later.
        private async Task StoreAsync(byte[] path, TreeNode entry, bool mustCompare)
        {
            if (entry.Content is not null)
            {
                // Under another name already.
                return;
            }

            var file = Files.Open(path, Files.O_RDONLY | Files.O_NOFOLLOW | Files.O_NONBLOCK);
            var length = Reading.Fill(file, 0, _buffer.AsSpan(0, ContentWriter.MaxSharedBytes + 1));
            if (length > ContentWriter.MaxSharedBytes && mustCompare)
            {
                await StoreLargeAsync(file, entry);
                return;
            }

            if (length > ContentWriter.MaxSharedBytes)
            {
                if (_large.Count(static t => !t.IsCompleted) >= Environment.ProcessorCount)
                {
                    await Task.WhenAny(_large.Where(static t => !t.IsCompleted));
                }

                _large.Add(Task.Run(() => StoreLargeAsync(file, entry), cancellationToken));
                return;
            }

            file.Dispose();
            if (!_batch.HasRoomFor(length))
            {
                await writer.SealAsync(_batch, cancellationToken);
            }

            entry.Content = length > 0 ? writer.AddTo(_batch, _buffer.AsSpan(0, length)) : null;
        }

        private async Task StoreLargeAsync(SafeFileHandle file, TreeNode entry)
        {
            using (file)
            {
                entry.Content = await writer.AddLargeAsync(file, cancellationToken);
            }
        }

        // One that is young is like no other: it is not found the same the next time.
        private SeenEntry.Mark Stamp(in FileStatus status) =>
            status.ChangedSeconds > _youngSeconds || (status.ChangedSeconds == _youngSeconds && status.ChangedNanoseconds >= _youngNanoseconds)
                ? new SeenEntry.Mark(status.Inode, long.MaxValue, number, status.SizeBytes)
                : SeenEntry.Mark.Of(in status);

        private static bool IsEqual(TreeNode old, TreeNode now) =>
            (old.Mode, old.Uid, old.Gid, old.ModifiedSeconds, old.ModifiedNanoseconds) == (now.Mode, now.Uid, now.Gid, now.ModifiedSeconds, now.ModifiedNanoseconds)
            && old.Content?.Digest == now.Content?.Digest && old.Target.Span.SequenceEqual(now.Target.Span) && old.Attributes.Count == now.Attributes.Count
            && old.Attributes.Zip(now.Attributes).All(static p => p.First.Name.Span.SequenceEqual(p.Second.Name.Span) && p.First.Value.Span.SequenceEqual(p.Second.Value.Span));

        // Leads through the open folder, whatever its name is now.
        private static byte[] Path(SafeFileHandle folder, TreeName name) =>
            DirectoryScan.Join(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{folder.DangerousGetHandle()}")), name.Bytes);
    }
}
