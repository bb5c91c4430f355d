using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Worker.Images;

/// <summary>What recent starts of a function read of its image, kept beside the image for every worker. Losing one costs a slower start and nothing else.</summary>
internal sealed class TraceStore(IObjectTier tier)
{
    // Starts differ a little (time zones, culture, which code path came first); five of them show all of it.
    private const int Kept = 5;

    private const int MaxBytes = 4 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, IReadOnlyList<AccessTrace>> _known = new(StringComparer.Ordinal);

    /// <summary>What a start will read; null if no start was recorded.</summary>
    public async Task<AccessTrace?> FindAsync(Digest image, string function, CancellationToken cancellationToken) =>
        await LoadAsync(KeyOf(image, function), image, cancellationToken) is { Count: > 0 } traces ? AccessTrace.Merge(traces) : null;

    /// <summary>Whether the next start should be recorded too.</summary>
    public async Task<bool> WantsAsync(Digest image, string function, CancellationToken cancellationToken) => (await LoadAsync(KeyOf(image, function), image, cancellationToken)).Count < Kept;

    /// <summary>Keeps a recording.</summary>
    /// <exception cref="IOException">It could not be stored.</exception>
    public async Task AddAsync(string function, AccessTrace trace, CancellationToken cancellationToken)
    {
        var key = KeyOf(trace.ImageId, function);
        IReadOnlyList<AccessTrace> traces = [.. (await LoadAsync(key, trace.ImageId, cancellationToken)).TakeLast(Kept - 1), trace];
        _known[key] = traces;
        using var bytes = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var written in traces.Select(static t => t.Write()))
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, written.Length);
            bytes.Write(length);
            bytes.Write(written);
        }

        bytes.Position = 0;
        await tier.PutAsync(key, bytes, cancellationToken);
    }

    private static string KeyOf(Digest image, string function) => $"{ObjectKeys.Traces}/{image}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(function)).AsSpan(0, 8))}";

    private async Task<IReadOnlyList<AccessTrace>> LoadAsync(string key, Digest image, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(key, out var known))
        {
            return known;
        }

        var traces = new List<AccessTrace>();
        if (await tier.ReadWholeAsync(key, MaxBytes, cancellationToken) is { } bytes)
        {
            Parse(bytes, image, traces);
        }

        _known[key] = traces;
        return traces;
    }

    private static void Parse(ReadOnlySpan<byte> bytes, Digest image, List<AccessTrace> traces)
    {
        while (bytes.Length > 4 && BinaryPrimitives.ReadInt32LittleEndian(bytes) is var length && length > 0 && length <= bytes.Length - 4)
        {
            try
            {
                var trace = AccessTrace.Parse(bytes.Slice(4, length));
                if (trace.ImageId == image)
                {
                    traces.Add(trace);
                }
            }
            catch (InvalidDataException)
            {
                // Damaged or of another version: it is recorded again.
                return;
            }

            bytes = bytes[(4 + length)..];
        }
    }
}
