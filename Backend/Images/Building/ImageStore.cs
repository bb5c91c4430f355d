using System.Text;
using System.Text.Json;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Store.Digests;
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

    /// <summary>Opens it.</summary>
    /// <param name="tier">The store that all workers share.</param>
    /// <param name="directory">Where indexes are kept on this machine; made if need be.</param>
    public ImageStore(IObjectTier tier, string directory)
    {
        (_tier, _indexes) = (tier, directory);
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
    /// <exception cref="IOException">It cannot be had.</exception>
    public async Task<string> EnsureIndexAsync(Digest id, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_indexes, id.ToString());
        if (!File.Exists(path))
        {
            var bytes = await _tier.ReadWholeAsync(ObjectKeys.Index(id), int.MaxValue, cancellationToken) ?? throw new IOException($"The index of image {id} is not in {_tier.Name}.");
            using (var index = ImageIndex.Parse(bytes))
            {
                if (index.Id != id)
                {
                    throw new IOException($"{_tier.Name} has another index under the name of {id}.");
                }
            }

            var temporary = $"{path}.{Guid.NewGuid():N}";
            await File.WriteAllBytesAsync(temporary, bytes, cancellationToken);
            File.Move(temporary, path, overwrite: true);
        }

        return path;
    }

    /// <summary>Opens an index.</summary>
    /// <exception cref="IOException">It cannot be had.</exception>
    public async Task<ImageIndex> OpenIndexAsync(Digest id, CancellationToken cancellationToken)
    {
        var path = await EnsureIndexAsync(id, cancellationToken);
        try
        {
            var index = ImageIndex.Open(path);
            if (index.Id == id)
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
        return ImageIndex.Open(await EnsureIndexAsync(id, cancellationToken));
    }

    internal async Task<BuildRecord?> FindAsync(string key, CancellationToken cancellationToken)
    {
        if (await _tier.ReadWholeAsync($"{ObjectKeys.Builds}/{key}", MaxRecordBytes, cancellationToken) is not { } bytes)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(bytes, ImageJson.Default.BuildRecord) is { } record && Digest.TryParse(record.Index, out _) ? record : null;
        }
        catch (JsonException)
        {
            // Damaged: as if it were not there, and written anew.
            return null;
        }
    }

    internal async Task PutAsync(string key, BuildRecord record, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(record, ImageJson.Default.BuildRecord));
        await _tier.PutAsync($"{ObjectKeys.Builds}/{key}", content, cancellationToken);
    }

    internal static string ImageIdOf(BuildRecord record) =>
        Id.Derive(Id.Image, Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(record, ImageJson.Default.BuildRecord)));
}
