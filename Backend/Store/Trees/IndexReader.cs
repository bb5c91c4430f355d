using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Trees;

/// <summary>Reads all that the files of an index contain, in the order in which it lies in the store.</summary>
internal static class IndexReader
{
    // Each holds up to 4 MiB as it came and half a MiB unpacked.
    private const int MaxRequests = 8;

    /// <summary>Takes a part of a file's bytes. Called from many threads.</summary>
    /// <param name="node">The file; of hard links, the first.</param>
    /// <param name="offset">Where the part lies in the file.</param>
    /// <param name="bytes">The part.</param>
    public delegate void Sink(int node, long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Reads everything once.</summary>
    /// <param name="index">What to read.</param>
    /// <param name="tier">Where its bytes come from; every chunk is checked, and asked for again if it does not come or is damaged.</param>
    /// <param name="sink">Gets all parts of all files, in no order.</param>
    /// <param name="time">Times pauses.</param>
    /// <param name="logger">Told of damage and of what cannot be had.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">A chunk cannot be had, or the sink failed.</exception>
    public static async Task ReadAllAsync(ImageIndex index, IObjectTier tier, Sink sink, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var users = FindUsers(index);
        var fetcher = new ChunkFetcher(tier, new CacheOptions { Directory = "" }, time, logger);
        await Parallel.ForEachAsync(
            Requests(index),
            new ParallelOptions { MaxDegreeOfParallelism = MaxRequests, CancellationToken = cancellationToken },
            async (request, token) =>
            {
                string? problem = null;
                await fetcher.FetchAsync(
                    [.. request.Select(index.GetChunk)],
                    (i, bytes, reason) =>
                    {
                        if (bytes is null)
                        {
                            problem = reason;
                            return;
                        }

                        foreach (var (node, offset, part) in users[request[i]])
                        {
                            sink(node, offset, bytes.AsSpan(part));
                        }
                    },
                    token);
                if (problem is not null)
                {
                    throw new IOException($"The image {index.Id} cannot be read: {problem}.");
                }
            });
    }

    // For each chunk the files that have a part of it: which, where in the file, and which part of the chunk.
    private static List<(int Node, long Offset, Range Part)>[] FindUsers(ImageIndex index)
    {
        var users = new List<(int, long, Range)>[index.ChunkCount];
        for (var chunk = 0; chunk < users.Length; chunk++)
        {
            users[chunk] = [];
        }

        for (var node = 0; node < index.NodeCount; node++)
        {
            ref readonly var info = ref index.GetNode(node);
            if (info.Leader < node || !info.IsFile || index.GetBlobNumber(node) is not (var number and >= 0))
            {
                continue;
            }

            var blob = index.GetBlob(number);
            if (blob.ChunkCount == 1)
            {
                users[blob.FirstChunk].Add((node, 0, blob.OffsetInChunk..(blob.OffsetInChunk + (int)blob.SizeBytes)));
                continue;
            }

            for (var i = 0; i < blob.ChunkCount; i++)
            {
                users[blob.FirstChunk + i].Add((node, (long)i * ChunkInfo.MaxBytes, ..));
            }
        }

        return users;
    }

    private static IEnumerable<List<int>> Requests(ImageIndex index)
    {
        var request = new List<int>();
        foreach (var chunk in Enumerable.Range(0, index.ChunkCount).OrderBy(c => index.GetChunk(c).Pack).ThenBy(c => index.GetChunk(c).PackOffset))
        {
            if (request.Count > 0 && !ChunkFetcher.Joins(index.GetChunk(request[0]), index.GetChunk(request[^1]), index.GetChunk(chunk)))
            {
                yield return request;
                request = [];
            }

            request.Add(chunk);
        }

        if (request.Count > 0)
        {
            yield return request;
        }
    }
}
