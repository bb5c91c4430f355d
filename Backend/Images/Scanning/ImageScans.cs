using System.Collections.Concurrent;
using Modal.Backend.Images.Building;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Images.Scanning;

/// <summary>Scans of images, remembered: each start of a program asks for its image again. Safe from many threads.</summary>
internal sealed class ImageScans(ImageStore store)
{
    // Some hundred bytes each. A scan reads two megabytes, so that beginning anew is no harm.
    private const int MaxRemembered = 1000;

    private readonly ConcurrentDictionary<(Digest Index, ImageConfig Config), IReadOnlyList<ScanFinding>> _known = new();

    /// <summary>What the image lacks for C# functions.</summary>
    /// <exception cref="IOException">The image cannot be read.</exception>
    public async Task<IReadOnlyList<ScanFinding>> ScanAsync(BuildRecord record, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue((record.IndexId, record.Config), out var known))
        {
            return known;
        }

        using var index = await store.OpenIndexAsync(record.Index, cancellationToken);
        var findings = await DotnetScan.RunAsync(store.Tier, index, record.Config, cancellationToken);
        if (_known.Count >= MaxRemembered)
        {
            _known.Clear();
        }

        _known[(record.IndexId, record.Config)] = findings;
        return findings;
    }
}
