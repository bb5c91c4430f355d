using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Trees;
using static Modal.Backend.Store.Indexes.IndexLayout;

namespace Modal.Backend.Store.Indexes;

/// <summary>The part of an index that says where the bytes lie.</summary>
internal sealed class PlacementWriter
{
    private readonly List<PlaceRow> _places = [];
    private readonly List<PlacedChunk> _chunks = [];
    private readonly List<int> _packOf = [];
    private readonly List<Digest> _packs = [];

    public PlacementWriter(IReadOnlyList<FileContent> contents)
    {
        var shared = new Dictionary<(Digest, long), int>();
        var packs = new Dictionary<Digest, int>();
        foreach (var content in contents)
        {
            if (content.Chunks.Any(c => c.Pack == default))
            {
                throw new InvalidOperationException($"The content {content.Digest} belongs to a writer that has not finished.");
            }

            if (content.Chunks.Count > 1)
            {
                // Those of a large file follow each other.
                _places.Add(new PlaceRow { Chunk = _chunks.Count });
                foreach (var chunk in content.Chunks)
                {
                    Add(chunk, packs);
                }

                continue;
            }

            var only = content.Chunks[0];
            ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(shared, (only.Pack, only.PackOffset), out var known);
            if (!known)
            {
                number = _chunks.Count;
                Add(only, packs);
            }

            _places.Add(new PlaceRow { Chunk = number, Offset = content.OffsetInChunk });
        }
    }

    public long Length => HeaderBytes + ((long)_places.Count * PlaceBytes) + ((long)_chunks.Count * ChunkBytes) + ((long)_packs.Count * Digest.Bytes);

    public void Write(Span<byte> bytes)
    {
        MemoryMarshal.Write(bytes, new PlacementHeader { Magic = PlacementMagic, ChunkCount = _chunks.Count, PackCount = _packs.Count, Tag = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) });
        var at = HeaderBytes;
        MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_places)).CopyTo(bytes[at..]);
        at += _places.Count * PlaceBytes;
        for (var c = 0; c < _chunks.Count; c++, at += ChunkBytes)
        {
            var chunk = _chunks[c];
            MemoryMarshal.Write(bytes[at..], new ChunkRow { SizeBytes = chunk.SizeBytes, StoredBytes = chunk.StoredBytes, Pack = _packOf[c], PackOffset = checked((uint)chunk.PackOffset) });
            chunk.Digest.CopyTo(bytes[(at + 16)..]);
        }

        foreach (var pack in _packs)
        {
            pack.CopyTo(bytes[at..]);
            at += Digest.Bytes;
        }

        SHA256.HashData(bytes[HeaderBytes..], bytes.Slice(HeaderBytes - Digest.Bytes, Digest.Bytes));
    }

    private void Add(PlacedChunk chunk, Dictionary<Digest, int> packs)
    {
        ref var pack = ref CollectionsMarshal.GetValueRefOrAddDefault(packs, chunk.Pack, out var known);
        if (!known)
        {
            pack = _packs.Count;
            _packs.Add(chunk.Pack);
        }

        _chunks.Add(chunk);
        _packOf.Add(pack);
    }
}
