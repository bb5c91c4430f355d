using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Native;
using static Modal.Backend.Store.Indexes.IndexLayout;

namespace Modal.Backend.Store.Indexes;

/// <summary>
/// An image's tree: names, attributes, and where each file's bytes lie. Entries are numbered from 0, the root. Checked as a whole when it is opened, so that no
/// number in it leads outside; read-only and safe from many threads. Disposing of it while another thread reads is the caller's fault.
/// </summary>
public sealed class ImageIndex : IDisposable
{
    private readonly IDisposable? _owner;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly IndexSections _sections;

    private ImageIndex(ReadOnlyMemory<byte> bytes, IDisposable? owner)
    {
        _bytes = bytes;
        _owner = owner;
        _sections = IndexSections.Locate(bytes.Span);
        Id = Digest.Of(Tree.Span);
        Name = $"{Id}-{MemoryMarshal.Read<PlacementHeader>(bytes.Span[_sections.TreeBytes..]).Tag:x16}";
        IndexValidator.Validate(this);
    }

    /// <summary>The image's id: the digest of the tree.</summary>
    public Digest Id { get; }

    /// <summary>
    /// The name of this writing of the image: its id, '-', 16 hexadecimal letters. Each time an image is stored it gets another, so that what is removed under a name never
    /// was stored again meanwhile.
    /// </summary>
    public string Name { get; }

    /// <summary>Number of entries, at least 1.</summary>
    public int NodeCount => _sections.NodeCount;

    /// <summary>Number of different contents.</summary>
    public int BlobCount => _sections.BlobCount;

    /// <summary>Number of chunks.</summary>
    public int ChunkCount => _sections.ChunkCount;

    /// <summary>Number of packs.</summary>
    public int PackCount => _sections.PackCount;

    /// <summary>All bytes, as <see cref="Parse"/> takes them.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    internal int AttributeBytes => _sections.AttributeBytes;

    internal int NameBytes => _sections.NameBytes;

    internal ReadOnlySpan<NodeInfo> Nodes => Rows<NodeInfo>(_sections.Nodes, NodeCount);

    internal ReadOnlySpan<PlaceRow> Places => Rows<PlaceRow>(_sections.Places, BlobCount);

    private ReadOnlyMemory<byte> Tree => _bytes[.._sections.TreeBytes];

    /// <summary>Opens a file by mapping it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is damaged or was not made by this program; the message says where.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ImageIndex Open(string path)
    {
        var mapped = new MappedFile(path);
        try
        {
            return new ImageIndex(mapped.Memory, mapped);
        }
        catch
        {
            ((IDisposable)mapped).Dispose();
            throw;
        }
    }

    /// <summary>Reads an index from memory, which must not change afterwards.</summary>
    /// <param name="bytes">All bytes of the index.</param>
    /// <exception cref="InvalidDataException">They are damaged; the message says where.</exception>
    public static ImageIndex Parse(ReadOnlyMemory<byte> bytes) => new(bytes, owner: null);

    /// <summary>An entry.</summary>
    /// <param name="node">From 0 to <see cref="NodeCount"/> - 1.</param>
    public ref readonly NodeInfo GetNode(int node) => ref Nodes[node];

    /// <summary>An entry's name; empty for the root.</summary>
    public ReadOnlySpan<byte> GetName(int node)
    {
        ref readonly var info = ref GetNode(node);
        return NamesAt((int)info.NameOffset, info.NameLength);
    }

    /// <summary>Finds a name in a folder.</summary>
    /// <returns>The entry's number; -1 if there is no such name, or the entry is not a folder.</returns>
    public int Lookup(int directory, ReadOnlySpan<byte> name)
    {
        var nodes = Nodes;
        ref readonly var folder = ref nodes[directory];
        if (!folder.IsDirectory)
        {
            return -1;
        }

        var (low, high) = (folder.First, folder.First + folder.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            ref readonly var entry = ref nodes[middle];
            var order = NamesAt((int)entry.NameOffset, entry.NameLength).SequenceCompareTo(name);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    /// <summary>Finds an entry by its path, not following links.</summary>
    /// <param name="path">Names separated by '/'; an empty one is the root.</param>
    /// <returns>The entry's number; -1 if there is none.</returns>
    public int Find(string path)
    {
        var node = 0;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = Lookup(node, System.Text.Encoding.UTF8.GetBytes(part));
            if (node < 0)
            {
                break;
            }
        }

        return node;
    }

    /// <summary>The numbers of a folder's entries: they follow each other, sorted by the bytes of their names. Empty for what is no folder.</summary>
    public (int First, int Count) GetChildren(int directory)
    {
        ref readonly var folder = ref GetNode(directory);
        return folder.IsDirectory ? (folder.First, folder.Count) : (0, 0);
    }

    /// <summary>Target of a symbolic link; empty for what is none.</summary>
    public ReadOnlySpan<byte> GetTarget(int link)
    {
        ref readonly var info = ref GetNode(link);
        return info.IsLink ? NamesAt(info.First, info.Count) : default;
    }

    /// <summary>Number of a file's content; -1 if it is empty or no file.</summary>
    public int GetBlobNumber(int file)
    {
        ref readonly var info = ref GetNode(file);
        return info.IsFile ? info.First : -1;
    }

    /// <summary>A content.</summary>
    /// <param name="blob">From 0 to <see cref="BlobCount"/> - 1.</param>
    public BlobInfo GetBlob(int blob)
    {
        ref readonly var row = ref Rows<BlobRow>(_sections.Blobs, BlobCount)[blob];
        ref readonly var place = ref Places[blob];
        return new BlobInfo(
            DigestAt(_sections.Blobs + (blob * BlobBytes) + 16), row.SizeBytes, place.Chunk, row.FirstDigest < 0 ? 1 : ChunkCountOf(row.SizeBytes), place.Offset);
    }

    /// <summary>A chunk.</summary>
    /// <param name="chunk">From 0 to <see cref="ChunkCount"/> - 1.</param>
    public ChunkInfo GetChunk(int chunk)
    {
        ref readonly var row = ref Rows<ChunkRow>(_sections.Chunks, ChunkCount)[chunk];
        return new ChunkInfo(DigestAt(_sections.Chunks + (chunk * ChunkBytes) + 16), row.SizeBytes, GetPack(row.Pack), row.PackOffset, row.StoredBytes);
    }

    /// <summary>Digest of a pack.</summary>
    /// <param name="pack">From 0 to <see cref="PackCount"/> - 1.</param>
    public Digest GetPack(int pack) => DigestAt(_sections.Packs + (pack * Digest.Bytes));

    /// <summary>Extended attributes of an entry, sorted by the bytes of their names.</summary>
    public IReadOnlyList<Xattr> GetAttributes(int node)
    {
        var at = GetNode(node).Attributes;
        return at == 0 ? [] : Xattr.Read(_bytes.Slice(_sections.Attributes, AttributeBytes)[(int)(at - 1)..]);
    }

    /// <inheritdoc/>
    public void Dispose() => _owner?.Dispose();

    internal BlobRow GetBlobRow(int blob) => Rows<BlobRow>(_sections.Blobs, BlobCount)[blob];

    internal ChunkRow GetChunkRow(int chunk) => Rows<ChunkRow>(_sections.Chunks, ChunkCount)[chunk];

    internal int DigestCount => _sections.DigestCount;

    /// <summary>Digest of the n-th chunk of a content that fills several, as the tree has it.</summary>
    internal Digest GetTreeDigest(int number) => DigestAt(_sections.Digests + (number * Digest.Bytes));

    internal ReadOnlyMemory<byte> AttributeSection => _bytes.Slice(_sections.Attributes, AttributeBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<byte> NamesAt(int offset, int length) => _bytes.Span.Slice(_sections.Names + offset, length);

    private Digest DigestAt(int offset) => new(_bytes.Span.Slice(offset, Digest.Bytes));

    private ReadOnlySpan<T> Rows<T>(int offset, int count)
        where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(_bytes.Span.Slice(offset, count * Unsafe.SizeOf<T>()));
}
