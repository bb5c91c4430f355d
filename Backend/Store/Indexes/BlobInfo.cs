using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Indexes;

/// <summary>The content of a file and where it lies.</summary>
/// <param name="Digest">SHA-256 of the whole file.</param>
/// <param name="SizeBytes">Its length, at least 1.</param>
/// <param name="FirstChunk">Number of the chunk where it begins.</param>
/// <param name="ChunkCount">1 if it lies in one chunk, maybe beside other files; more if it fills that many chunks, of which only the last may be shorter than 512 KiB.</param>
/// <param name="OffsetInChunk">Where it begins in the first chunk; 0 if it fills several.</param>
public readonly record struct BlobInfo(Digest Digest, long SizeBytes, int FirstChunk, int ChunkCount, int OffsetInChunk);
