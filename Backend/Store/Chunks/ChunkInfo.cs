using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Chunks;

/// <summary>
/// A chunk, the unit of fetching and verifying: at most 512 KiB of a large file, or many small files one after another. Lies in a pack as one zstd frame.
/// </summary>
/// <param name="Digest">SHA-256 of its bytes, not compressed.</param>
/// <param name="SizeBytes">Its length, not compressed.</param>
/// <param name="Pack">The pack's digest.</param>
/// <param name="PackOffset">Where its frame begins in the pack.</param>
/// <param name="StoredBytes">The frame's length.</param>
public readonly record struct ChunkInfo(Digest Digest, int SizeBytes, Digest Pack, long PackOffset, int StoredBytes)
{
    /// <summary>The longest a chunk can be: 512 KiB.</summary>
    public const int MaxBytes = 512 * 1024;
}
