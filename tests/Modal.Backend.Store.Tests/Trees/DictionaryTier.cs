using System.Collections.Concurrent;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Store.Tests.Trees;

/// <summary>A tier that is a dictionary, and reads files by the index alone.</summary>
internal sealed class DictionaryTier : IObjectTier
{
    public ConcurrentDictionary<string, byte[]> Objects { get; } = new();

    public string Name => "dictionary";

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([.. keys.Where(k => !Objects.ContainsKey(k))]);

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => Task.FromResult<long?>(Objects.TryGetValue(key, out var found) ? found.Length : null);

    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (!Objects.TryGetValue(key, out var found))
        {
            return Task.FromResult<int?>(null);
        }

        var part = found.AsSpan((int)Math.Min(offset, found.Length));
        part = part[..Math.Min(part.Length, destination.Length)];
        part.CopyTo(destination.Span);
        return Task.FromResult<int?>(part.Length);
    }

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, cancellationToken);
        Objects[key] = copy.ToArray();
    }

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) =>
        Objects.Where(o => o.Key.StartsWith(kind + "/", StringComparison.Ordinal)).Select(o => new ObjectInfo(o.Key, o.Value.Length, default)).ToAsyncEnumerable();

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        Objects.TryRemove(key, out _);
        return Task.CompletedTask;
    }

    /// <summary>A file's bytes, each chunk checked.</summary>
    public byte[] ReadFile(ImageIndex index, int node)
    {
        var number = index.GetBlobNumber(node);
        if (number < 0)
        {
            return [];
        }

        var blob = index.GetBlob(number);
        using var bytes = new MemoryStream();
        using var codec = FrameCodec.Rent();
        for (var c = blob.FirstChunk; c < blob.FirstChunk + blob.ChunkCount; c++)
        {
            var info = index.GetChunk(c);
            var chunk = new byte[info.SizeBytes];
            if (!codec.TryDecompress(Objects[ObjectKeys.Pack(info.Pack)].AsSpan((int)info.PackOffset, info.StoredBytes), chunk) || Digest.Of(chunk) != info.Digest)
            {
                throw new InvalidDataException($"Chunk {c} is damaged.");
            }

            bytes.Write(chunk);
        }

        var file = bytes.ToArray().AsSpan(blob.OffsetInChunk, (int)blob.SizeBytes).ToArray();
        return Digest.Of(file) == blob.Digest ? file : throw new InvalidDataException($"Blob {number} is damaged.");
    }
}
