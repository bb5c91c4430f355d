using System.Buffers;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store.Trees;

/// <summary>Small files that will be one chunk. For one thread.</summary>
internal sealed class ChunkBatch : IDisposable
{
    private readonly byte[] _bytes = ArrayPool<byte>.Shared.Rent(ChunkInfo.MaxBytes);
    private Digest _only;
    private int _count;

    public PlacedChunk Chunk { get; private set; } = new();

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, Length);

    public bool HasRoomFor(int length) => Length + length <= ChunkInfo.MaxBytes;

    public void Append(ReadOnlySpan<byte> content, Digest digest)
    {
        content.CopyTo(_bytes.AsSpan(Length));
        Length += content.Length;
        (_only, _count) = (digest, _count + 1);
    }

    // A file alone in its chunk gives it its own digest.
    public Digest ComputeDigest() => _count == 1 ? _only : Digest.Of(Bytes.Span);

    public void Clear() => (Chunk, Length, _count) = (new PlacedChunk(), 0, 0);

    public void Dispose() => ArrayPool<byte>.Shared.Return(_bytes);
}
