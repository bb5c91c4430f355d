using System.Formats.Tar;
using System.Globalization;

namespace Modal.Backend.Images.Layers;

/// <summary>
/// Where the bytes of a sparse file belong, as GNU tar writes it into pax headers (versions 0.1 and 1.0). The reader of .NET passes such files on as they lie in the archive:
/// under a made-up name, with the map before the bytes.
/// </summary>
/// <param name="SizeBytes">Length of the file, holes included.</param>
/// <param name="Parts">Offset and length of what is no hole; they follow each other.</param>
internal sealed record SparseMap(long SizeBytes, IReadOnlyList<(long Offset, long Length)> Parts)
{
    private const int BlockBytes = 512;

    // 16 bytes each in memory; a file of as many holes is a fragmented disk image of a terabyte.
    private const int MaxParts = 1_000_000;

    public static bool IsSparse(TarEntry entry) => entry is PaxTarEntry pax && pax.ExtendedAttributes.Keys.Any(static k => k.StartsWith("GNU.sparse.", StringComparison.Ordinal));

    /// <summary>The file's name, which the header's own is not if it is sparse.</summary>
    public static string NameOf(TarEntry entry) => entry is PaxTarEntry pax && pax.ExtendedAttributes.TryGetValue("GNU.sparse.name", out var name) ? name : entry.Name;

    /// <summary>Reads the map; afterwards the entry's stream is at the first byte of the first part.</summary>
    /// <exception cref="LayerException">It is not right.</exception>
    public static async Task<SparseMap> ReadAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        var attributes = ((PaxTarEntry)entry).ExtendedAttributes;
        var isNew = attributes.GetValueOrDefault("GNU.sparse.major") == "1";
        if (!isNew && !attributes.ContainsKey("GNU.sparse.map"))
        {
            throw new LayerException($"The archive's file '{entry.Name}' is sparse in a format that this program does not know: make the archive with 'tar --format=posix', or without --sparse.");
        }

        var size = Number(entry, attributes.GetValueOrDefault(isNew ? "GNU.sparse.realsize" : "GNU.sparse.size"));
        var numbers = isNew ? await FromStreamAsync(entry, cancellationToken) : [.. attributes["GNU.sparse.map"].Split(',').Select(n => Number(entry, n))];
        var (parts, end, stored) = (new List<(long, long)>(), 0L, 0L);
        for (var i = 0; i + 1 < numbers.Count; i += 2)
        {
            var (offset, length) = (numbers[i], numbers[i + 1]);
            if (offset < end || length > size - offset || offset > size)
            {
                throw Wrong(entry);
            }

            parts.Add((offset, length));
            (end, stored) = (offset + length, stored + length);
        }

        var left = entry.DataStream is { } data ? data.Length - data.Position : 0;
        return numbers.Count % 2 == 0 && stored == left ? new SparseMap(size, parts) : throw Wrong(entry);
    }

    // Decimal numbers, a line each: how many parts, then offset and length of each; filled up to a whole block.
    private static async Task<List<long>> FromStreamAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        var data = entry.DataStream ?? throw Wrong(entry);
        var (numbers, number, digits, expected) = (new List<long>(), 0L, 0, -1L);
        var block = new byte[BlockBytes];
        while (expected != 0)
        {
            await data.ReadExactlyAsync(block, cancellationToken);
            foreach (var b in block)
            {
                if (expected == 0)
                {
                    break;
                }

                if (b is >= (byte)'0' and <= (byte)'9' && ++digits < 19)
                {
                    number = (number * 10) + (b - '0');
                    continue;
                }

                if (b != '\n' || digits == 0)
                {
                    throw Wrong(entry);
                }

                if (expected < 0)
                {
                    expected = number <= MaxParts ? number * 2 : throw new LayerException($"The archive's file '{entry.Name}' has {number:N0} parts; a sparse file can have {MaxParts:N0}.");
                }
                else
                {
                    numbers.Add(number);
                    expected--;
                }

                (number, digits) = (0, 0);
            }
        }

        return numbers;
    }

    private static long Number(TarEntry entry, string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Wrong(entry);

    private static LayerException Wrong(TarEntry entry) => new($"The archive is damaged: the map of the sparse file '{entry.Name}' is wrong.");
}
