using System.Text;
using System.Text.Json;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Protocol;

namespace Modal.Backend.Images.Building;

/// <summary>Records of layers and images in the store, and indexes as files of this machine. Safe from many threads.</summary>
public sealed class ImageStore
{
    // A record is some kilobytes; a mount lists its files.
    private const int MaxRecordBytes = 64 * 1024 * 1024;

    private readonly IObjectTier _tier;
    private readonly string _indexes;
    private readonly TimeProvider _time;

    /// <summary>Opens it.</summary>
    /// <param name="tier">The store that all workers share.</param>
    /// <param name="directory">Where indexes are kept on this machine; made if need be.</param>
    /// <param name="time">Gives records the month of their use.</param>
    public ImageStore(IObjectTier tier, string directory, TimeProvider time)
    {
        (_tier, _indexes, _time) = (tier, directory, time);
        Directory.CreateDirectory(directory);
    }

    /// <summary>The store.</summary>
    public IObjectTier Tier => _tier;

    /// <summary>An image by its id.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public async Task<BuildRecord> ResolveAsync(string imageId, CancellationToken cancellationToken) =>
        Id.IsValid(imageId, Id.Image) && await FindAsync(imageId, cancellationToken) is { } record
            ? record
            : throw new FileNotFoundException($"There is no image {imageId}: it was removed from the store, or the id is wrong. Build it again.");

    /// <summary>The file of this machine with an index, fetched if need be, and checked.</summary>
    /// <param name="name">The index's name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It cannot be had.</exception>
    public async Task<string> EnsureIndexAsync(string name, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_indexes, name);
        if (!File.Exists(path))
        {
            var stored = await _tier.ReadWholeAsync(ObjectKeys.Index(name), int.MaxValue, cancellationToken) ?? throw new IOException($"The index {name} of an image is not in {_tier.Name}.");
            var bytes = Check(stored, name);
            var temporary = $"{path}.{Guid.NewGuid():N}";
            await File.WriteAllBytesAsync(temporary, bytes, cancellationToken);
            File.Move(temporary, path, overwrite: true);
        }

        return path;
    }

    /// <summary>Opens an index.</summary>
    /// <param name="name">The index's name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It cannot be had.</exception>
    public async Task<ImageIndex> OpenIndexAsync(string name, CancellationToken cancellationToken)
    {
        var path = await EnsureIndexAsync(name, cancellationToken);
        try
        {
            var index = ImageIndex.Open(path);
            if (index.Name == name)
            {
                return index;
            }

            index.Dispose();
        }
        catch (InvalidDataException)
        {
            // Damaged on this machine's disk: the store has it.
        }

        File.Delete(path);
        return ImageIndex.Open(await EnsureIndexAsync(name, cancellationToken));
    }

    /// <summary>The record of what can be used as it is: its index is in the store, so that it need not be built. From now on it counts as used this month.</summary>
    internal async Task<BuildRecord?> FindBuiltAsync(string key, CancellationToken cancellationToken) =>
        await FindAsync(key, cancellationToken) is { } record && await HasIndexAsync(record, cancellationToken) ? record : null;

    /// <summary>
    /// The image of a definition as a whole, if it was looked for in this month already. The first look of a month goes through the layers, and so renews their records, which a change of the
    /// definition will want.
    /// </summary>
    internal async Task<string?> FindWholeAsync(string key, CancellationToken cancellationToken) =>
        await _tier.ReadWholeAsync(BuildKey.Of(key, _time.GetUtcNow()).ToString(), MaxRecordBytes, cancellationToken) is { } bytes
            && Parse(bytes) is { Image: { } image } record && await HasIndexAsync(record, cancellationToken)
            ? image
            : null;

    internal async Task PutAsync(string key, BuildRecord record, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(record, ImageJson.Default.BuildRecord));
        await _tier.PutAsync(BuildKey.Of(key, _time.GetUtcNow()).ToString(), content, cancellationToken);
    }

    private byte[] Check(byte[] stored, string name)
    {
        try
        {
            var bytes = StoredIndex.Read(stored);
            using var index = ImageIndex.Parse(bytes);
            return index.Name == name ? bytes : throw new IOException($"{_tier.Name} has another index under the name {name}.");
        }
        catch (InvalidDataException e)
        {
            throw new IOException($"{_tier.Name}: the index {name} is damaged: {e.Message} Build the image again with MODAL_FORCE_BUILD=1.", e);
        }
    }

    // Not of the index's name: what was built again from the same files is the same image.
    internal static string ImageIdOf(BuildRecord record) =>
        Id.Derive(Id.Image, Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(record with { Index = record.IndexId.ToString() }, ImageJson.Default.BuildRecord)));

    // One of last month is stored under this month, so that no collection takes it for unused; unless its index is gone, in which case another may be building it again just now.
    private async Task<BuildRecord?> FindAsync(string key, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        foreach (var place in BuildKey.Readable(key, now))
        {
            if (await _tier.ReadWholeAsync(place.ToString(), MaxRecordBytes, cancellationToken) is { } bytes && Parse(bytes) is { } record)
            {
                if (place.Month < BuildKey.Of(key, now).Month && await HasIndexAsync(record, cancellationToken))
                {
                    await PutAsync(key, record, cancellationToken);
                }

                return record;
            }
        }

        return null;
    }

    private async Task<bool> HasIndexAsync(BuildRecord record, CancellationToken cancellationToken) => await _tier.GetSizeAsync(ObjectKeys.Index(record.Index), cancellationToken) is not null;

    // Null if it is damaged: as if it were not there, and written anew.
    private static BuildRecord? Parse(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, ImageJson.Default.BuildRecord) is { } record && ObjectKeys.TryGetImageId(record.Index, out _) ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
