using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Trees;

/// <summary>Reads single files of an index from the store, without a cache. Safe from many threads.</summary>
/// <param name="tier">Where the bytes come from; every chunk is checked, and asked for again if it does not come or is damaged.</param>
/// <param name="time">Times pauses.</param>
/// <param name="logger">Told of damage and of what cannot be had.</param>
public sealed class FileReader(IObjectTier tier, TimeProvider time, ILogger logger)
{
    /// <summary>A part of a file, piece by piece in its order.</summary>
    /// <param name="index">The index.</param>
    /// <param name="node">The file.</param>
    /// <param name="offset">Where to begin, from 0; beyond the end there is nothing.</param>
    /// <param name="sizeBytes">How much at most.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">A chunk cannot be had.</exception>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        ImageIndex index, int node, long offset, long sizeBytes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        if (index.GetBlobNumber(node) is not (var number and >= 0))
        {
            yield break;
        }

        var blob = index.GetBlob(number);
        var end = sizeBytes > blob.SizeBytes - offset ? blob.SizeBytes : offset + sizeBytes;
        var fetcher = new ChunkFetcher(tier, new CacheOptions { Directory = "" }, time, logger);
        while (offset < end)
        {
            // Where the chunk's bytes lie in the file: it begins before the file if it has others in front.
            var i = blob.ChunkCount == 1 ? 0 : (int)(offset / ChunkInfo.MaxBytes);
            var start = blob.ChunkCount == 1 ? -blob.OffsetInChunk : (long)i * ChunkInfo.MaxBytes;
            var chunk = index.GetChunk(blob.FirstChunk + i);
            byte[]? bytes = null;
            var problem = "";
            await fetcher.FetchAsync([chunk], (_, found, reason) => (bytes, problem) = (found, reason), cancellationToken);
            if (bytes is null)
            {
                throw new IOException($"A part of the file cannot be read: {problem}.");
            }

            var part = bytes.AsMemory((int)(offset - start), (int)(Math.Min(end, start + bytes.Length) - offset));
            yield return part;
            offset += part.Length;
        }
    }
}
