using System.Buffers;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Trees;

/// <summary>Stores the files of a folder, several at once, those that lie side by side in the tree in one chunk.</summary>
internal static class PendingFiles
{
    public static async Task StoreAsync(IReadOnlyList<PendingFile> files, ContentWriter writer, CancellationToken cancellationToken)
    {
        // Large ones first: one at the end would be alone.
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        var large = files.Where(f => f.SizeBytes > ContentWriter.MaxSharedBytes).OrderByDescending(f => f.SizeBytes).Select(f => (IReadOnlyList<PendingFile>)[f]);
        await Parallel.ForEachAsync(large.Concat(Batches(files)), options, async (batch, token) => await StoreBatchAsync(batch, writer, token));
    }

    private static IEnumerable<IReadOnlyList<PendingFile>> Batches(IReadOnlyList<PendingFile> files)
    {
        var batch = new List<PendingFile>();
        long bytes = 0;
        foreach (var file in files.Where(f => f.SizeBytes <= ContentWriter.MaxSharedBytes))
        {
            if (bytes + file.SizeBytes > ChunkInfo.MaxBytes)
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }

            batch.Add(file);
            bytes += file.SizeBytes;
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    private static async ValueTask StoreBatchAsync(IReadOnlyList<PendingFile> files, ContentWriter writer, CancellationToken cancellationToken)
    {
        using var batch = new ChunkBatch();
        var buffer = ArrayPool<byte>.Shared.Rent(ContentWriter.MaxSharedBytes + 1);
        try
        {
            foreach (var (path, node, _) in files)
            {
                using var file = Files.Open(path, Files.O_RDONLY | Files.O_NOFOLLOW);
                var length = Reading.Fill(file, 0, buffer.AsSpan(0, ContentWriter.MaxSharedBytes + 1));
                if (length > ContentWriter.MaxSharedBytes)
                {
                    node.Content = await writer.AddLargeAsync(file, cancellationToken);
                }
                else if (length > 0)
                {
                    if (!batch.HasRoomFor(length))
                    {
                        await writer.SealAsync(batch, cancellationToken);
                    }

                    node.Content = writer.AddTo(batch, buffer.AsSpan(0, length));
                }
            }

            await writer.SealAsync(batch, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
