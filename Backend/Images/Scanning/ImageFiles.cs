using System.Text;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Images.Scanning;

/// <summary>Files of an image as a process inside would find them, read without mounting it.</summary>
internal sealed class ImageFiles(IObjectTier tier, ImageIndex index)
{
    // As many as the kernel follows (path_resolution(7)).
    private const int MaxLinks = 40;

    /// <summary>Finds an entry, following links inside the image only.</summary>
    /// <returns>Its number; -1 if there is none.</returns>
    public int Find(string path)
    {
        var (node, links) = (0, 0);
        var left = new Stack<string>();
        Push(left, path);
        while (left.TryPop(out var part))
        {
            if (part == "..")
            {
                node = index.GetNode(node).Parent;
                continue;
            }

            var child = index.Lookup(node, Encoding.UTF8.GetBytes(part));
            if (child < 0)
            {
                return -1;
            }

            if (!index.GetNode(child).IsLink)
            {
                node = child;
            }
            else if (++links > MaxLinks)
            {
                return -1;
            }
            else
            {
                var target = Encoding.UTF8.GetString(index.GetTarget(child));
                node = target.StartsWith('/') ? 0 : node;
                Push(left, target);
            }
        }

        return node;
    }

    /// <summary>Whether there is a file, or a folder with something in it.</summary>
    public bool Has(string path) => Find(path) is var node and >= 0 && (index.GetNode(node).IsFile ? index.GetBlobNumber(node) >= 0 : index.GetChildren(node).Count > 0);

    /// <summary>The beginning of a file.</summary>
    /// <param name="node">Its number.</param>
    /// <param name="maxBytes">How much of it at most; a little more may come.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It cannot be had, or is damaged.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(int node, int maxBytes, CancellationToken cancellationToken)
    {
        if (index.GetBlobNumber(node) is not (var number and >= 0))
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        var blob = index.GetBlob(number);
        using var content = new MemoryStream();
        for (var i = 0; i < blob.ChunkCount && content.Length < maxBytes; i++)
        {
            var chunk = await ReadChunkAsync(blob.FirstChunk + i, cancellationToken);
            content.Write(blob.ChunkCount > 1 ? chunk : chunk.AsSpan(blob.OffsetInChunk, (int)blob.SizeBytes));
        }

        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }

    private static void Push(Stack<string> left, string path)
    {
        foreach (var part in path.Split('/').Reverse().Where(static p => p is not ("" or ".")))
        {
            left.Push(part);
        }
    }

    private async Task<byte[]> ReadChunkAsync(int number, CancellationToken cancellationToken)
    {
        var chunk = index.GetChunk(number);
        var (frame, bytes) = (new byte[chunk.StoredBytes], new byte[chunk.SizeBytes]);
        using var codec = FrameCodec.Rent();
        return await tier.ReadAsync(ObjectKeys.Pack(chunk.Pack), chunk.PackOffset, frame, cancellationToken) == frame.Length && codec.TryUnpack(in chunk, frame, bytes)
            ? bytes
            : throw new IOException($"{tier.Name}: a part of the image {index.Id} is missing or damaged in the pack {chunk.Pack}.");
    }
}
