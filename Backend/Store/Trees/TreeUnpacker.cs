using System.Text;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Trees;

/// <summary>Makes folders of this machine from images: the opposite of <see cref="DirectoryTree"/>, for machines that cannot mount them. Needs root, for the owners.</summary>
public static class TreeUnpacker
{
    // Each holds up to 4 MiB as it came and half a MiB unpacked.
    private const int MaxRequests = 8;

    /// <summary>Writes all of an image.</summary>
    /// <param name="index">The image.</param>
    /// <param name="tier">Where its bytes come from; every chunk is checked, and asked for again if it does not come or is damaged.</param>
    /// <param name="path">The folder; must not exist.</param>
    /// <param name="time">Times pauses.</param>
    /// <param name="logger">Told of damage and of what cannot be had.</param>
    /// <param name="cancellationToken">Ends it; what is written stays.</param>
    /// <exception cref="IOException">The folder cannot be written, or a chunk not be had. What is written stays.</exception>
    public static async Task UnpackAsync(ImageIndex index, IObjectTier tier, string path, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        var paths = Paths(index, path);
        var users = MakeEntries(index, paths);
        var fetcher = new ChunkFetcher(tier, new CacheOptions { Directory = path }, time, logger);
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
                            using var file = NewFiles.OpenToWrite(paths[node]);
                            RandomAccess.Write(file, bytes.AsSpan(part), offset);
                        }
                    },
                    token);
                if (problem is not null)
                {
                    throw new IOException($"The image {index.Id} cannot be unpacked: {problem}.");
                }
            });

        // Folders after what is in them: writing into one changes its time.
        for (var node = index.NodeCount - 1; node >= 0; node--)
        {
            if (index.GetNode(node).Leader == node)
            {
                NewFiles.Describe(paths[node], index, node);
            }
        }
    }

    private static byte[][] Paths(ImageIndex index, string path)
    {
        var paths = new byte[index.NodeCount][];
        paths[0] = DirectoryScan.Terminated(Encoding.UTF8.GetBytes(Path.GetFullPath(path)));
        for (var node = 1; node < paths.Length; node++)
        {
            paths[node] = DirectoryScan.Join(paths[index.GetNode(node).Parent].AsSpan()[..^1], index.GetName(node));
        }

        return paths;
    }

    // Everything but contents. Gives for each chunk the files that have a part of it: which, where in the file, and which part of the chunk.
    private static List<(int Node, long Offset, Range Part)>[] MakeEntries(ImageIndex index, byte[][] paths)
    {
        var users = new List<(int, long, Range)>[index.ChunkCount];
        for (var chunk = 0; chunk < users.Length; chunk++)
        {
            users[chunk] = [];
        }

        for (var node = 0; node < paths.Length; node++)
        {
            ref readonly var info = ref index.GetNode(node);
            if (info.Leader < node)
            {
                NewFiles.HardLink(paths[node], paths[info.Leader]);
            }
            else if (info.IsDirectory)
            {
                NewFiles.Folder(paths[node]);
            }
            else if (info.IsLink)
            {
                NewFiles.Link(paths[node], DirectoryScan.Terminated(index.GetTarget(node)));
            }
            else if (info.IsFile)
            {
                NewFiles.Empty(paths[node]);
                AddUser(index, node, users);
            }
            else
            {
                NewFiles.Fifo(paths[node]);
            }
        }

        return users;
    }

    private static void AddUser(ImageIndex index, int node, List<(int, long, Range)>[] users)
    {
        if (index.GetBlobNumber(node) is not (var number and >= 0))
        {
            return;
        }

        var blob = index.GetBlob(number);
        if (blob.ChunkCount == 1)
        {
            users[blob.FirstChunk].Add((node, 0, blob.OffsetInChunk..(blob.OffsetInChunk + (int)blob.SizeBytes)));
            return;
        }

        for (var i = 0; i < blob.ChunkCount; i++)
        {
            users[blob.FirstChunk + i].Add((node, (long)i * ChunkInfo.MaxBytes, ..));
        }
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
