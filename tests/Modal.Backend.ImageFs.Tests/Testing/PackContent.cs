using System.Collections.Concurrent;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>Contents read from packs, each chunk kept in memory once it was read.</summary>
internal sealed class PackContent(IObjectTier tier) : IContent
{
    private readonly ConcurrentDictionary<Digest, byte[]> _chunks = new();

    /// <summary>Awaited before a chunk is fetched.</summary>
    public Func<ChunkInfo, CancellationToken, Task> Fetching { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Gives the file for passthrough.</summary>
    public Func<ImageIndex, int, string?> Complete { get; set; } = (_, _) => null;

    /// <summary>Complete files that lie in a folder under the digest of their content.</summary>
    public static Func<ImageIndex, int, string?> FilesIn(string folder) =>
        (index, blob) => Path.Combine(folder, index.GetBlob(blob).Digest.ToString()) is var path && File.Exists(path) ? path : null;

    public ConcurrentQueue<int> Prefetched { get; } = new();

    public int TryRead(ImageIndex index, int blob, long offset, Span<byte> destination)
    {
        var info = index.GetBlob(blob);
        var end = Math.Min(info.SizeBytes, offset + destination.Length);
        var done = 0;
        while (offset + done < end)
        {
            var (number, at) = Locate(info, offset + done);
            if (!_chunks.TryGetValue(index.GetChunk(number).Digest, out var chunk))
            {
                return -1;
            }

            var length = (int)Math.Min(chunk.Length - at, end - offset - done);
            chunk.AsSpan(at, length).CopyTo(destination[done..]);
            done += length;
        }

        return done;
    }

    public async ValueTask<int> ReadAsync(ImageIndex index, int blob, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var info = index.GetBlob(blob);
        for (var at = offset; at < Math.Min(info.SizeBytes, offset + destination.Length); at += ChunkInfo.MaxBytes)
        {
            await FetchAsync(index.GetChunk(Locate(info, at).Number), cancellationToken);
        }

        await FetchAsync(index.GetChunk(Locate(info, Math.Min(info.SizeBytes, offset + destination.Length) - 1).Number), cancellationToken);
        return TryRead(index, blob, offset, destination.Span);
    }

    public async Task PrefetchAsync(ImageIndex index, IReadOnlyList<int> chunks, CancellationToken cancellationToken)
    {
        foreach (var chunk in chunks)
        {
            Prefetched.Enqueue(chunk);
            await FetchAsync(index.GetChunk(chunk), cancellationToken);
        }
    }

    public string? CompleteFile(ImageIndex index, int blob) => Complete(index, blob);

    public IDisposable Pin(ImageIndex index) => new MemoryStream();

    private static (int Number, int At) Locate(BlobInfo info, long offset) => info.ChunkCount == 1
        ? (info.FirstChunk, info.OffsetInChunk + (int)offset)
        : (info.FirstChunk + (int)(offset / ChunkInfo.MaxBytes), (int)(offset % ChunkInfo.MaxBytes));

    private async Task FetchAsync(ChunkInfo chunk, CancellationToken cancellationToken)
    {
        if (_chunks.ContainsKey(chunk.Digest))
        {
            return;
        }

        await Fetching(chunk, cancellationToken);
        var frame = new byte[chunk.StoredBytes];
        if (await tier.ReadAsync(ObjectKeys.Pack(chunk.Pack), chunk.PackOffset, frame, cancellationToken) != frame.Length)
        {
            throw new IOException($"The pack {chunk.Pack} is not there.");
        }

        var bytes = new byte[chunk.SizeBytes];
        using var codec = FrameCodec.Rent();
        if (!codec.TryDecompress(frame, bytes) || Digest.Of(bytes) != chunk.Digest)
        {
            throw new IOException($"The chunk {chunk.Digest} is damaged.");
        }

        _chunks[chunk.Digest] = bytes;
    }
}
