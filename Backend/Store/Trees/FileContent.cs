using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Trees;

/// <summary>The bytes of a file that are, or will be when their writer has finished, in packs.</summary>
public sealed class FileContent
{
    internal FileContent(Digest digest, long sizeBytes, IReadOnlyList<PlacedChunk> chunks, int offsetInChunk) =>
        (Digest, SizeBytes, Chunks, OffsetInChunk) = (digest, sizeBytes, chunks, offsetInChunk);

    /// <summary>SHA-256 of the whole file.</summary>
    public Digest Digest { get; }

    /// <summary>Length in bytes, at least 1.</summary>
    public long SizeBytes { get; }

    internal IReadOnlyList<PlacedChunk> Chunks { get; }

    internal int OffsetInChunk { get; }
}
