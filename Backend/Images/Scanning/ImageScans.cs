using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Scanning;

/// <summary>
/// Scans of images, remembered: each start of a program asks for its image again. Kept beside the image for every worker, because a scan reads megabytes of it. Safe from many threads.
/// </summary>
internal sealed class ImageScans(ImageStore store)
{
    // Some hundred bytes each.
    private const int MaxRemembered = 1000;

    private const int MaxBytes = 1024 * 1024;

    // To be raised when scans find more or other things than before.
    private const string Version = "scan 1";

    private readonly ConcurrentDictionary<(Digest Index, ImageConfig Config), IReadOnlyList<ScanFinding>> _known = new();

    /// <summary>What the image lacks for C# functions.</summary>
    /// <exception cref="IOException">The image cannot be read.</exception>
    public async Task<IReadOnlyList<ScanFinding>> ScanAsync(BuildRecord record, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue((record.IndexId, record.Config), out var known))
        {
            return known;
        }

        var key = KeyOf(record);
        var findings = await FindAsync(key, cancellationToken);
        if (findings is null)
        {
            using var index = await store.OpenIndexAsync(record.Index, cancellationToken);
            findings = await DotnetScan.RunAsync(store.Tier, index, record.Config, cancellationToken);
            using var bytes = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(findings, ImageJson.Default.IReadOnlyListScanFinding));
            await store.Tier.PutAsync(key, bytes, cancellationToken);
        }

        if (_known.Count >= MaxRemembered)
        {
            _known.Clear();
        }

        _known[(record.IndexId, record.Config)] = findings;
        return findings;
    }

    private static string KeyOf(BuildRecord record) =>
        $"{ObjectKeys.Traces}/{record.IndexId}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Version} {record.Config.ToJson()}")).AsSpan(0, 8))}";

    // Null if there was no scan, or what was kept of it is damaged.
    private async Task<IReadOnlyList<ScanFinding>?> FindAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return await store.Tier.ReadWholeAsync(key, MaxBytes, cancellationToken) is { } bytes ? JsonSerializer.Deserialize(bytes, ImageJson.Default.IReadOnlyListScanFinding) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
