using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Store.Segments;

/// <summary>
/// Images of memory as trees: a file is a folder of segments, each named by its offset. Segments begin and end where the content says, so that the same bytes are the same segments wherever they lie, in
/// this file or in another, also when something before them is a little longer; pages of zeros are in none.
/// </summary>
public static class SegmentedFiles
{
    /// <summary>What is stored or dropped as a whole: the page of the processors that this runs on.</summary>
    public const int PageBytes = 4096;

    // A border where 16 bits of the hash are zero, after the least length: 68 KiB on average. Shorter segments would be found again a little more often, and cost more entries of the index than they save.
    private const ulong BorderMask = 0xFFFF_0000_0000_0000;
    private const int MinBytes = PageBytes;
    private const int MaxBytes = ContentWriter.MaxSharedBytes;

    // A random number for each byte: the hash of the last 64 bytes is the sum of theirs, each shifted by its age ("gear" hashing).
    private static readonly ulong[] s_gear = MakeGear();

    // One thread's share at a time; a border that is not the content's own costs one segment in 256.
    private const int RangeBytes = 16 * 1024 * 1024;

    /// <summary>Stores a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="writer">Stores what is new.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The folder of its segments. The file's length is not in it.</returns>
    /// <exception cref="TierException">It could not be stored.</exception>
    public static async Task<TreeNode> AddAsync(string path, ContentWriter writer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(writer);
        using var file = File.OpenHandle(path);
        var length = RandomAccess.GetLength(file);
        var folder = TreeNode.Directory();
        var ranges = Enumerable.Range(0, (int)((length + RangeBytes - 1) / RangeBytes)).Select(i => (long)i * RangeBytes);
        await Parallel.ForEachAsync(
            ranges,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken },
            async (start, token) =>
            {
                var segments = await AddRangeAsync(file, start, writer, token);
                lock (folder)
                {
                    foreach (var (offset, content) in segments)
                    {
                        folder.Children.Add(new TreeName(offset.ToString("x12", CultureInfo.InvariantCulture)), new TreeNode { Mode = NodeModes.File | 0b110_000_000, Content = content });
                    }
                }
            });
        return folder;
    }

    /// <summary>Writes all files of an index of which each folder below the root is one; files that are not segmented lie in the root.</summary>
    /// <param name="index">The index.</param>
    /// <param name="tier">Where its bytes come from; all are checked.</param>
    /// <param name="sizes">The names and lengths of the segmented files.</param>
    /// <param name="target">An existing folder of this machine.</param>
    /// <param name="time">Times pauses.</param>
    /// <param name="logger">Told of damage.</param>
    /// <param name="cancellationToken">Ends it; what is written stays.</param>
    /// <exception cref="IOException">They cannot be written, or their bytes not be had.</exception>
    public static async Task WriteAsync(
        ImageIndex index, IObjectTier tier, IReadOnlyDictionary<string, long> sizes, string target, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(sizes);
        var files = new Dictionary<int, SafeFileHandle>();
        try
        {
            var places = new (int Entry, long Base)[index.NodeCount];
            var (first, count) = index.GetChildren(0);
            for (var entry = first; entry < first + count; entry++)
            {
                var name = Encoding.UTF8.GetString(index.GetName(entry));
                if (name.AsSpan().ContainsAny('/', '\0') || name is "." or "..")
                {
                    throw new IOException($"{index.Id} has an entry with the name '{name}'.");
                }

                var isSegmented = index.GetNode(entry).IsDirectory;
                if (isSegmented && !sizes.ContainsKey(name))
                {
                    throw new IOException($"{index.Id} has a file {name} whose length is not known.");
                }

                files.Add(entry, File.OpenHandle(Path.Combine(target, name), FileMode.CreateNew, FileAccess.Write));
                places[entry] = (entry, 0);
                if (isSegmented)
                {
                    // Pages of zeros are holes.
                    RandomAccess.SetLength(files[entry], sizes[name]);
                    FindSegments(index, entry, sizes[name], places);
                }
            }

            await IndexReader.ReadAllAsync(index, tier, (node, offset, bytes) => RandomAccess.Write(files[places[node].Entry], bytes, places[node].Base + offset), time, logger, cancellationToken);
        }
        finally
        {
            foreach (var file in files.Values)
            {
                file.Dispose();
            }
        }
    }

    private static void FindSegments(ImageIndex index, int folder, long size, (int Entry, long Base)[] places)
    {
        var (first, count) = index.GetChildren(folder);
        for (var segment = first; segment < first + count; segment++)
        {
            if (!index.GetNode(segment).IsFile || !long.TryParse(Encoding.UTF8.GetString(index.GetName(segment)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var offset)
                || offset < 0 || index.GetBlobNumber(segment) is not (var blob and >= 0) || offset > size - index.GetBlob(blob).SizeBytes)
            {
                throw new IOException($"{index.Id} has a segment that lies outside its file.");
            }

            places[segment] = (folder, offset);
        }
    }

    private static async Task<List<(long Offset, FileContent Content)>> AddRangeAsync(SafeFileHandle file, long start, ContentWriter writer, CancellationToken cancellationToken)
    {
        var segments = new List<(long, FileContent)>();
        var buffer = ArrayPool<byte>.Shared.Rent(RangeBytes);
        using var batch = new ChunkBatch();
        try
        {
            var length = Reading.Fill(file, start, buffer.AsSpan(0, RangeBytes));
            var from = 0;
            while (Next(buffer.AsSpan(0, length), ref from) is var size and > 0)
            {
                if (!batch.HasRoomFor(size))
                {
                    await writer.SealAsync(batch, cancellationToken);
                }

                segments.Add((start + from, writer.AddTo(batch, buffer.AsSpan(from, size))));
                from += size;
            }

            await writer.SealAsync(batch, cancellationToken);
            return segments;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The next segment: skips pages of zeros, and ends before the next one, where the hash of what is before says so, or when it is long enough.
    private static int Next(ReadOnlySpan<byte> bytes, ref int from)
    {
        // What is left of a page after a border goes on, zero or not.
        while (from < bytes.Length && from % PageBytes == 0 && IsZero(PageAt(bytes, from)))
        {
            from += PageBytes;
        }

        from = Math.Min(from, bytes.Length);
        var limit = Math.Min(bytes.Length, from + MaxBytes);
        for (var page = (from / PageBytes * PageBytes) + PageBytes; page < limit; page += PageBytes)
        {
            if (IsZero(PageAt(bytes, page)))
            {
                limit = page;
                break;
            }
        }

        var hash = 0UL;
        for (var i = Math.Min(limit, from + MinBytes - 64); i < limit; i++)
        {
            hash = (hash << 1) + s_gear[bytes[i]];
            if ((hash & BorderMask) == 0 && i >= from + MinBytes)
            {
                return i + 1 - from;
            }
        }

        return limit - from;
    }

    private static ulong[] MakeGear()
    {
        // The same on every machine: segments of one must be those of another.
        Span<byte> seed = stackalloc byte[1];
        var gear = new ulong[256];
        for (var i = 0; i < gear.Length; i++)
        {
            seed[0] = (byte)i;
            gear[i] = XxHash64.HashToUInt64(seed);
        }

        return gear;
    }

    private static ReadOnlySpan<byte> PageAt(ReadOnlySpan<byte> bytes, int offset) => bytes.Slice(offset, Math.Min(PageBytes, bytes.Length - offset));

    private static bool IsZero(ReadOnlySpan<byte> page) => !page.ContainsAnyExcept((byte)0);
}
