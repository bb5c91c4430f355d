using System.Text.Json;
using Microsoft.Extensions.Logging;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Segments;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>Snapshots in the store that all workers share. Safe from many threads.</summary>
internal sealed class SnapshotStore(ImageStore images, TimeProvider time, ILogger logger)
{
    private const int MaxRecordBytes = 64 * 1024;

    // What is shared with the newest few is most of what can be shared.
    private const int Relatives = 4;

    /// <summary>Files of at least this length are stored in segments.</summary>
    private const long SegmentedBytes = 64 * 1024;

    private IObjectTier Tier => images.Tier;

    /// <summary>Finds a snapshot; from now on it counts as used this month.</summary>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="IOException">The store cannot be asked.</exception>
    public async Task<SnapshotRecord?> FindAsync(SnapshotKey key, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        foreach (var place in BuildKey.Readable(key.Record, now))
        {
            if (await Tier.ReadWholeAsync(place.ToString(), MaxRecordBytes, cancellationToken) is { } bytes && Parse(bytes) is { } record
                && await Tier.GetSizeAsync(ObjectKeys.Index(record.Index), cancellationToken) is not null)
            {
                if (place.Month < BuildKey.Of(key.Record, now).Month)
                {
                    await PutRecordAsync(key, record, cancellationToken);
                }

                return record;
            }
        }

        return null;
    }

    /// <summary>Writes a snapshot's files into a folder of this machine.</summary>
    /// <exception cref="IOException">They cannot be had or written.</exception>
    public async Task FetchAsync(SnapshotRecord record, string folder, CancellationToken cancellationToken)
    {
        using var index = await images.OpenIndexAsync(record.Index, cancellationToken);
        await SegmentedFiles.WriteAsync(index, Tier, record.Segmented, folder, time, logger, cancellationToken);
    }

    /// <summary>Stores a snapshot.</summary>
    /// <param name="key">Its name.</param>
    /// <param name="function">The function, for people.</param>
    /// <param name="folder">Its files.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Its length, and how much of it was not stored before and what that takes, in bytes.</returns>
    /// <exception cref="IOException">It could not be stored.</exception>
    public async Task<(long SizeBytes, long NewBytes, long PackedBytes)> PutAsync(SnapshotKey key, string function, string folder, CancellationToken cancellationToken)
    {
        var catalog = new ContentCatalog();
        await AddRelativesAsync(key, catalog, cancellationToken);
        try
        {
            return await PutAsync(key, function, folder, catalog, cancellationToken);
        }
        catch (StalePlacementException)
        {
            // A relative's content was just collected.
            return await PutAsync(key, function, folder, new ContentCatalog(), cancellationToken);
        }
    }

    /// <summary>Forgets a snapshot that cannot be used. What only it needed is collected.</summary>
    public async Task DeleteAsync(SnapshotKey key, CancellationToken cancellationToken)
    {
        foreach (var place in BuildKey.Readable(key.Record, time.GetUtcNow()))
        {
            await Tier.DeleteAsync(place.ToString(), cancellationToken);
        }
    }

    private async Task<(long SizeBytes, long NewBytes, long PackedBytes)> PutAsync(SnapshotKey key, string function, string folder, ContentCatalog catalog, CancellationToken cancellationToken)
    {
        using var writer = new ContentWriter(Tier, catalog);
        var root = TreeNode.Directory();
        var segmented = new Dictionary<string, long>(StringComparer.Ordinal);
        var size = 0L;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles())
        {
            TreeNode node;
            if (file.Length >= SegmentedBytes)
            {
                node = await SegmentedFiles.AddAsync(file.FullName, writer, cancellationToken);
                segmented.Add(file.Name, file.Length);
            }
            else
            {
                await using var content = file.OpenRead();
                node = new TreeNode { Mode = NodeModes.File | 0b110_000_000, Content = await writer.AddAsync(content, cancellationToken) };
            }

            root.Children.Add(new TreeName(file.Name), node);
            size += file.Length;
        }

        using var index = await writer.FinishAsync(root, cancellationToken);
        await PutRecordAsync(key, new SnapshotRecord { Index = index.Name, Segmented = segmented, SizeBytes = size, Function = function }, cancellationToken);
        return (size, writer.NewBytes, writer.PackedBytes);
    }

    private async Task PutRecordAsync(SnapshotKey key, SnapshotRecord record, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(record, SnapshotJson.Default.SnapshotRecord));
        await Tier.PutAsync(BuildKey.Of(key.Record, time.GetUtcNow()).ToString(), content, cancellationToken);
    }

    private async Task AddRelativesAsync(SnapshotKey key, ContentCatalog catalog, CancellationToken cancellationToken)
    {
        var relatives = new List<ObjectInfo>();
        await foreach (var found in Tier.ListAsync(ObjectKeys.Builds, cancellationToken))
        {
            if (found.Key.StartsWith($"{ObjectKeys.Builds}/snapshot-{key.FamilyName}-", StringComparison.Ordinal) && BuildKey.TryParse(found.Key)?.IsLive(time.GetUtcNow()) == true)
            {
                relatives.Add(found);
            }
        }

        foreach (var relative in relatives.OrderByDescending(static r => r.Modified).Take(Relatives))
        {
            try
            {
                if (await Tier.ReadWholeAsync(relative.Key, MaxRecordBytes, cancellationToken) is { } bytes && Parse(bytes) is { } record)
                {
                    using var index = await images.OpenIndexAsync(record.Index, cancellationToken);
                    catalog.Add(index);
                }
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // Collected or damaged: nothing is shared with it then.
            }
        }
    }

    // Null if it is damaged: as if it were not there.
    private static SnapshotRecord? Parse(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, SnapshotJson.Default.SnapshotRecord) is { } record && ObjectKeys.TryGetImageId(record.Index, out _) ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
