using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Store.Trees;

/// <summary>
/// Stores the contents of one new tree and then its index. What the catalog knows is not stored again. Contents may be added from many threads; nothing can be
/// read before <see cref="FinishAsync"/>, and what was added by a writer that does not come so far is garbage that the collection removes.
/// </summary>
public sealed class ContentWriter(IObjectTier tier, ContentCatalog catalog) : IDisposable
{
    /// <summary>Up to this length files share chunks: 128 KiB, which is 95 % of the files of a usual image and a quarter of its bytes.</summary>
    public const int MaxSharedBytes = 128 * 1024;

    private readonly ConcurrentDictionary<Digest, FileContent> _mine = new();
    private readonly PackWriter _packs = new(tier);
    private readonly SemaphoreSlim _shared = new(1);
    private readonly ChunkBatch _batch = new();
    private readonly HashSet<string> _trusted = new(StringComparer.Ordinal);
    private long _newBytes;
    private long _packedBytes;

    /// <summary>Bytes, not compressed, that were not stored before.</summary>
    public long NewBytes => _newBytes;

    /// <summary>Bytes that they take in packs.</summary>
    public long PackedBytes => _packedBytes;

    /// <summary>
    /// Says that an index stays while this writer works: it has been stored within the grace time, or a record names it. Its packs are used even if they are marked as condemned, which a
    /// collector does that looked for what is needed just before the index was there, and takes back. From one thread, before <see cref="FinishAsync"/>.
    /// </summary>
    /// <param name="index">The index of the tree from which the new one is made.</param>
    public void Trust(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        _trusted.UnionWith(PacksOf(index));
    }

    /// <summary>Adds a content.</summary>
    /// <param name="content">Read to its end.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null if it is empty.</returns>
    /// <exception cref="TierException">It could not be stored.</exception>
    public async Task<FileContent?> AddAsync(Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var buffer = ArrayPool<byte>.Shared.Rent(MaxSharedBytes + 1);
        try
        {
            var length = await content.ReadAtLeastAsync(buffer.AsMemory(0, MaxSharedBytes + 1), MaxSharedBytes + 1, throwOnEndOfStream: false, cancellationToken);
            if (length == 0)
            {
                return null;
            }

            if (length <= MaxSharedBytes)
            {
                return await AddSharedAsync(buffer.AsMemory(0, length), cancellationToken);
            }

            // Large ones are read twice: whether they are stored already is known only at their end.
            await using var spool = SpoolFile.Create();
            await spool.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
            await content.CopyToAsync(spool, cancellationToken);
            return await AddLargeAsync(spool.SafeFileHandle, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Stores what is left, then the tree's index.</summary>
    /// <param name="root">The tree; its files' contents come from this writer, its catalog or an index.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The index, which is stored under its <see cref="ImageIndex.Name"/>.</returns>
    /// <exception cref="TierException">It could not be stored.</exception>
    /// <exception cref="StalePlacementException">A pack that holds known contents is gone: the tree must be made again with a new catalog.</exception>
    /// <exception cref="InvalidDataException">The tree is too large for an index; the message names the limit.</exception>
    public async Task<ImageIndex> FinishAsync(TreeNode root, CancellationToken cancellationToken)
    {
        await _shared.WaitAsync(cancellationToken);
        try
        {
            await SealAsync(_batch, cancellationToken);
        }
        finally
        {
            _shared.Release();
        }

        await _packs.FlushAsync(cancellationToken);
        var index = ImageIndex.Parse(IndexWriter.Write(root));
        var packs = PacksOf(index).ToList();

        // Those that are condemned are as good as gone; the other half of this bargain is in the collector, which removes a pack before its mark: hence marks are looked for first.
        var marks = packs.Where(p => !_trusted.Contains(p)).Select(ObjectKeys.Condemn).ToList();
        if (await tier.FindMissingAsync(marks, cancellationToken) is var unmarked && unmarked.Count < marks.Count)
        {
            throw new StalePlacementException($"{marks.Count - unmarked.Count} of {packs.Count} packs are about to be collected: what they hold has to be stored again.");
        }

        if (await tier.FindMissingAsync(packs, cancellationToken) is { Count: > 0 } missing)
        {
            throw new StalePlacementException($"{missing.Count} of {packs.Count} packs are gone, such as {missing[0]}: they were collected while an image that needs them was made.");
        }

        using var bytes = new MemoryStream(StoredIndex.Write(index), writable: false);
        await tier.PutAsync(ObjectKeys.Index(index.Name), bytes, cancellationToken);
        catalog.Add(index);
        return index;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _shared.Dispose();
        _batch.Dispose();
    }

    /// <summary>Adds a small content to a batch of the caller's, which <see cref="SealAsync"/> stores.</summary>
    internal FileContent AddTo(ChunkBatch batch, ReadOnlySpan<byte> content)
    {
        var digest = Digest.Of(content);
        if (TryFind(digest, out var known))
        {
            return known;
        }

        var added = new FileContent(digest, content.Length, [batch.Chunk], batch.Length);
        if (!_mine.TryAdd(digest, added))
        {
            return _mine[digest];
        }

        batch.Append(content, digest);
        Interlocked.Add(ref _newBytes, content.Length);
        return added;
    }

    /// <summary>Stores a batch as one chunk and empties it.</summary>
    internal async ValueTask SealAsync(ChunkBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Length > 0)
        {
            var chunk = batch.Chunk;
            (chunk.Digest, chunk.SizeBytes) = (batch.ComputeDigest(), batch.Length);
            await StoreAsync(chunk, batch.Bytes, cancellationToken);
            batch.Clear();
        }
    }

    /// <summary>Adds a content of more than <see cref="MaxSharedBytes"/>.</summary>
    internal async Task<FileContent> AddLargeAsync(SafeFileHandle file, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkInfo.MaxBytes);
        try
        {
            var (digest, size) = HashFile(file, buffer, cancellationToken);
            if (TryFind(digest, out var known))
            {
                return known;
            }

            var chunks = new PlacedChunk[IndexLayout.ChunkCountOf(size)];
            for (var i = 0; i < chunks.Length; i++)
            {
                chunks[i] = new PlacedChunk();
            }

            var added = new FileContent(digest, size, chunks, 0);
            if (!_mine.TryAdd(digest, added))
            {
                return _mine[digest];
            }

            for (var i = 0; i < chunks.Length; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var length = Reading.Fill(file, (long)i * ChunkInfo.MaxBytes, buffer.AsSpan(0, ChunkInfo.MaxBytes));
                (chunks[i].Digest, chunks[i].SizeBytes) = (chunks.Length == 1 ? digest : Digest.Of(buffer.AsSpan(0, length)), length);
                await StoreAsync(chunks[i], buffer.AsMemory(0, length), cancellationToken);
            }

            Interlocked.Add(ref _newBytes, size);
            return added;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static IEnumerable<string> PacksOf(ImageIndex index) => Enumerable.Range(0, index.PackCount).Select(p => ObjectKeys.Pack(index.GetPack(p)));

    private static (Digest Digest, long Size) HashFile(SafeFileHandle file, byte[] buffer, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long size = 0;
        while (Reading.Fill(file, size, buffer.AsSpan(0, ChunkInfo.MaxBytes)) is var length and > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, length);
            size += length;
        }

        return (new Digest(hash.GetHashAndReset()), size);
    }

    private async Task<FileContent> AddSharedAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        await _shared.WaitAsync(cancellationToken);
        try
        {
            if (!_batch.HasRoomFor(content.Length))
            {
                await SealAsync(_batch, cancellationToken);
            }

            return AddTo(_batch, content.Span);
        }
        finally
        {
            _shared.Release();
        }
    }

    private bool TryFind(Digest digest, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out FileContent? known) => catalog.TryFind(digest, out known) || _mine.TryGetValue(digest, out known);

    private async ValueTask StoreAsync(PlacedChunk chunk, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var frame = ArrayPool<byte>.Shared.Rent(FrameCodec.MaxFrameBytes);
        try
        {
            int length;
            using (var codec = FrameCodec.Rent())
            {
                length = codec.Compress(bytes.Span, frame);
            }

            Interlocked.Add(ref _packedBytes, length);
            await _packs.AppendAsync(chunk, frame.AsSpan(0, length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }
}
