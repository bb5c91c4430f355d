using System.Runtime.InteropServices;
using Modal.Backend.Store.Chunks;

namespace Modal.Backend.Store.Indexes;

/// <summary>
/// How an index lies in its file. Two parts: the tree, whose SHA-256 is the image's id, so that the same tree has the same id wherever its bytes lie;
/// and the placement, which says in which packs they lie and carries its own SHA-256. All numbers are little-endian; every section begins at a multiple of 8.
/// <code>
/// tree:       header 64 | nodes 64 each, breadth first, children of a folder together and sorted by name | blobs 48 each | digests of chunks 32 each | names | attributes
/// placement:  header 64 | where each blob is 8 each | chunks 48 each | packs 32 each
/// </code>
/// </summary>
internal static class IndexLayout
{
    public const ulong TreeMagic = 0x3158_4449_4C44_4F4D; // "MODLIDX1"
    public const ulong PlacementMagic = 0x3143_4C50_4C44_4F4D; // "MODLPLC1"

    public const int HeaderBytes = 64;
    public const int NodeBytes = 64;
    public const int BlobBytes = 48;
    public const int PlaceBytes = 8;
    public const int ChunkBytes = 48;

    // Bounds that refuse an absurd index before memory is taken for it: ten times the largest image known, 16 million entries.
    public const int MaxNodes = 1 << 24;
    public const int MaxNameBytes = 255;
    public const int MaxLinkBytes = 4095;
    public const int MaxChunks = 1 << 26;

    // Depth of folders; the kernel allows paths of 4096 bytes, so no deeper one can be reached at once.
    public const int MaxDepth = 2048;

    public static long Align(long offset) => (offset + 7) & ~7L;

    public static int ChunkCountOf(long sizeBytes) => checked((int)((sizeBytes + ChunkInfo.MaxBytes - 1) / ChunkInfo.MaxBytes));

    [StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
    public struct TreeHeader
    {
        public ulong Magic;
        public int NodeCount;
        public int BlobCount;
        public int DigestCount;
        public int NameBytes;
        public int AttributeBytes;
        public int Reserved;
    }

    // Followed in the same 64 bytes, from byte 32, by the SHA-256 of all that comes after the header.
    [StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
    public struct PlacementHeader
    {
        public ulong Magic;
        public int ChunkCount;
        public int PackCount;

        // Random: no two indexes that were ever written have the same name.
        public ulong Tag;
        public ulong Reserved;
    }

    // Followed in the same 48 bytes, from byte 16, by the digest.
    [StructLayout(LayoutKind.Sequential, Size = BlobBytes)]
    public struct BlobRow
    {
        public long SizeBytes;

        // -1 if the file is one chunk or shares one.
        public int FirstDigest;
        public int Reserved;
    }

    [StructLayout(LayoutKind.Sequential, Size = PlaceBytes)]
    public struct PlaceRow
    {
        public int Chunk;
        public int Offset;
    }

    // Followed in the same 48 bytes, from byte 16, by the digest.
    [StructLayout(LayoutKind.Sequential, Size = ChunkBytes)]
    public struct ChunkRow
    {
        public int SizeBytes;
        public int StoredBytes;
        public int Pack;
        public uint PackOffset;
    }
}
