using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Trees;

/// <summary>The contents of an index as they are used in a new tree. Chunks that several share are one object.</summary>
internal sealed class IndexContents(ImageIndex index)
{
    private readonly FileContent?[] _contents = new FileContent?[index.BlobCount];
    private readonly PlacedChunk?[] _chunks = new PlacedChunk?[index.ChunkCount];

    public FileContent this[int blob] => _contents[blob] ??= Read(blob);

    private FileContent Read(int blob)
    {
        var info = index.GetBlob(blob);
        var chunks = new PlacedChunk[info.ChunkCount];
        for (var i = 0; i < chunks.Length; i++)
        {
            chunks[i] = _chunks[info.FirstChunk + i] ??= PlacedChunk.From(index.GetChunk(info.FirstChunk + i));
        }

        return new FileContent(info.Digest, info.SizeBytes, chunks, info.OffsetInChunk);
    }
}
