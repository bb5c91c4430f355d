using System.Runtime.CompilerServices;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Chunks;

/// <summary>Which content a chunk of an image belongs to; of one that several files share, any of them.</summary>
internal sealed class ChunkOwners
{
    private static readonly ConditionalWeakTable<ImageIndex, ChunkOwners> s_known = [];

    private readonly (int Blob, int Number)[] _owners;

    private ChunkOwners(ImageIndex index)
    {
        _owners = new (int, int)[index.ChunkCount];
        for (var blob = 0; blob < index.BlobCount; blob++)
        {
            var info = index.GetBlob(blob);
            for (var number = 0; number < info.ChunkCount; number++)
            {
                _owners[info.FirstChunk + number] = (blob, number);
            }
        }
    }

    public (int Blob, int Number) this[int chunk] => _owners[chunk];

    /// <summary>Of an index; made once.</summary>
    public static ChunkOwners Of(ImageIndex index) => s_known.GetValue(index, static i => new ChunkOwners(i));
}
