using System.Buffers.Binary;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.ImageFs.Tracing;

/// <summary>What a start read of an image, in the order of the first reads. Immutable. The same for all places where the image's bytes may lie.</summary>
public sealed class AccessTrace
{
    /// <summary>No trace has more: 65,536 parts are up to 32 GiB, more than any start reads.</summary>
    public const int MaxEntries = 65_536;

    private const uint Magic = 0x3152_544D; // "MTR1"
    private const int HeaderBytes = 8 + Digest.Bytes;

    /// <summary>A trace of these parts.</summary>
    /// <param name="imageId">The image.</param>
    /// <param name="entries">Different ones, in order; at most <see cref="MaxEntries"/>.</param>
    /// <exception cref="ArgumentException">There are too many, or one cannot be.</exception>
    public AccessTrace(Digest imageId, IReadOnlyList<TraceEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (entries.Count > MaxEntries || entries.Any(e => e.Node < 0 || e.Chunk < 0))
        {
            throw new ArgumentException($"A trace has at most {MaxEntries} entries with numbers from 0.", nameof(entries));
        }

        (ImageId, Entries) = (imageId, entries);
    }

    /// <summary>The image.</summary>
    public Digest ImageId { get; }

    /// <summary>The parts, first read first.</summary>
    public IReadOnlyList<TraceEntry> Entries { get; }

    /// <summary>
    /// One trace of several starts of one image: everything that any of them read, ordered by how early it was read on average; what fewer than all read comes later.
    /// </summary>
    /// <param name="traces">At least one, all of the same image.</param>
    /// <exception cref="ArgumentException">There is none, or they are of several images.</exception>
    public static AccessTrace Merge(IReadOnlyList<AccessTrace> traces)
    {
        ArgumentNullException.ThrowIfNull(traces);
        if (traces.Count == 0 || traces.Any(t => t.ImageId != traces[0].ImageId))
        {
            throw new ArgumentException("Traces can be merged if there is at least one and all are of the same image.", nameof(traces));
        }

        // A start that did not read a part counts as one that read it last. A start whose pages were in memory already reads little: it must not push others' parts away.
        var end = traces.Max(t => t.Entries.Count);
        var places = new Dictionary<TraceEntry, long>();
        foreach (var trace in traces)
        {
            for (var place = 0; place < trace.Entries.Count; place++)
            {
                places[trace.Entries[place]] = places.GetValueOrDefault(trace.Entries[place], (long)end * traces.Count) + place - end;
            }
        }

        return new AccessTrace(traces[0].ImageId, [.. places.OrderBy(p => p.Value).ThenBy(p => p.Key.Node).ThenBy(p => p.Key.Chunk).Take(MaxEntries).Select(p => p.Key)]);
    }

    /// <summary>Reads what <see cref="Write"/> made.</summary>
    /// <param name="bytes">All of it.</param>
    /// <exception cref="InvalidDataException">It is something else, damaged, or of a newer version.</exception>
    public static AccessTrace Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
        {
            throw new InvalidDataException("These bytes are no trace of this version.");
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        var imageId = new Digest(bytes.Slice(8, Digest.Bytes));
        bytes = bytes[HeaderBytes..];
        if (count > MaxEntries || count * 2 > bytes.Length)
        {
            throw Damaged();
        }

        // Nodes as differences: files that are read together often lie together.
        var entries = new TraceEntry[count];
        var node = 0L;
        for (var i = 0; i < count; i++)
        {
            var step = ReadNumber(ref bytes);
            node += (step >> 1) ^ -(step & 1);
            var chunk = ReadNumber(ref bytes);
            if (node is < 0 or > int.MaxValue || chunk > int.MaxValue)
            {
                throw Damaged();
            }

            entries[i] = new TraceEntry((int)node, (int)chunk);
        }

        return bytes.IsEmpty ? new AccessTrace(imageId, entries) : throw Damaged();
    }

    /// <summary>The trace as bytes.</summary>
    public byte[] Write()
    {
        var bytes = new List<byte>(HeaderBytes + (Entries.Count * 4));
        Span<byte> header = stackalloc byte[HeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)Entries.Count);
        ImageId.CopyTo(header[8..]);
        bytes.AddRange(header);
        var last = 0;
        foreach (var (node, chunk) in Entries)
        {
            var step = (long)node - last;
            WriteNumber(bytes, (step << 1) ^ (step >> 63));
            WriteNumber(bytes, chunk);
            last = node;
        }

        return [.. bytes];
    }

    /// <summary>Numbers of the chunks in the image's index, each once, in order. Parts that the image does not have are left out.</summary>
    /// <param name="index">The image's index.</param>
    /// <exception cref="ArgumentException">It is another image's.</exception>
    public IReadOnlyList<int> FindChunks(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        if (index.Id != ImageId)
        {
            throw new ArgumentException($"The trace is of the image {ImageId}, not of {index.Id}.", nameof(index));
        }

        var chunks = new List<int>(Entries.Count);
        var seen = new HashSet<int>(Entries.Count);
        foreach (var (node, chunk) in Entries)
        {
            if (node >= index.NodeCount || index.GetBlobNumber(node) is not (>= 0 and var blob))
            {
                continue;
            }

            var info = index.GetBlob(blob);
            if (chunk < info.ChunkCount && seen.Add(info.FirstChunk + chunk))
            {
                chunks.Add(info.FirstChunk + chunk);
            }
        }

        return chunks;
    }

    // 7 bits a byte, the lowest first; the highest bit says that more follow.
    private static void WriteNumber(List<byte> bytes, long value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
    }

    private static long ReadNumber(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0L;
        for (var i = 0; i < 5 && i < bytes.Length; i++)
        {
            value |= (long)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return value;
            }
        }

        throw Damaged();
    }

    private static InvalidDataException Damaged() => new("The trace is damaged.");
}
