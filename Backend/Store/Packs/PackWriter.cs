using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Store.Packs;

/// <summary>Gathers frames and stores a pack whenever enough are together. Safe from many threads.</summary>
internal sealed class PackWriter(IObjectTier tier)
{
    // A listing of some hundred objects for a large image, and a request for all of one is still quick.
    private const int TargetBytes = 8 * 1024 * 1024;

    private readonly Lock _gate = new();
    private OpenPack _pack = new();

    /// <summary>Adds a chunk; waits while a pack that this made complete is stored.</summary>
    /// <param name="chunk">Its digest and size are set; its place will be, at the latest by <see cref="FlushAsync"/>.</param>
    /// <param name="frame">Its compressed bytes; they are copied.</param>
    /// <param name="cancellationToken">Ends the storing.</param>
    public ValueTask AppendAsync(PlacedChunk chunk, ReadOnlySpan<byte> frame, CancellationToken cancellationToken)
    {
        OpenPack? complete = null;
        lock (_gate)
        {
            if (_pack.Bytes.Length + frame.Length > TargetBytes && _pack.Chunks.Count > 0)
            {
                (complete, _pack) = (_pack, new OpenPack());
            }

            chunk.PackOffset = _pack.Bytes.Length;
            chunk.StoredBytes = frame.Length;
            _pack.Bytes.Write(frame);
            _pack.Chunks.Add(chunk);
        }

        return complete is null ? default : new ValueTask(StoreAsync(complete, cancellationToken));
    }

    /// <summary>Stores what is left.</summary>
    public Task FlushAsync(CancellationToken cancellationToken)
    {
        OpenPack last;
        lock (_gate)
        {
            (last, _pack) = (_pack, new OpenPack());
        }

        return last.Chunks.Count == 0 ? Task.CompletedTask : StoreAsync(last, cancellationToken);
    }

    private async Task StoreAsync(OpenPack pack, CancellationToken cancellationToken)
    {
        // Random: a pack of the same chunks that is just being removed has another name.
        pack.Bytes.Write(Guid.NewGuid().ToByteArray());
        pack.Bytes.Write(PackTable.Write([.. pack.Chunks.Select(c => new Chunks.ChunkInfo(c.Digest, c.SizeBytes, default, c.PackOffset, c.StoredBytes))]));
        var digest = Digest.Of(pack.Bytes.GetBuffer().AsSpan(0, (int)pack.Bytes.Length));
        foreach (var chunk in pack.Chunks)
        {
            chunk.Pack = digest;
        }

        pack.Bytes.Position = 0;
        await tier.PutAsync(ObjectKeys.Pack(digest), pack.Bytes, cancellationToken);
    }

    private sealed class OpenPack
    {
        public MemoryStream Bytes { get; } = new();

        public List<PlacedChunk> Chunks { get; } = [];
    }
}
