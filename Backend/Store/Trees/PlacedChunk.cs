using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Trees;

/// <summary>A chunk and its place, which is known when its pack is complete.</summary>
internal sealed class PlacedChunk
{
    public Digest Digest { get; set; }

    public int SizeBytes { get; set; }

    public Digest Pack { get; set; }

    public long PackOffset { get; set; }

    public int StoredBytes { get; set; }

    public static PlacedChunk From(ChunkInfo chunk) =>
        new() { Digest = chunk.Digest, SizeBytes = chunk.SizeBytes, Pack = chunk.Pack, PackOffset = chunk.PackOffset, StoredBytes = chunk.StoredBytes };
}
