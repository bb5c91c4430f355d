using System.Text.Json;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Collection;

/// <summary>
/// Removes what no image needs: marks from records of builds and from the images given, through indexes, to packs. What is unmarked and old is condemned, and removed by a run that comes
/// at least the grace time later and finds it unmarked still. Builders may run meanwhile. A pack that they write is young; one that they use again they look for just before they put
/// their index, and a condemned one counts as missing: so whoever saw it not condemned has put his index, which the later run sees, before the grace time is over.
/// </summary>
/// <param name="tier">The store.</param>
/// <param name="options">What to keep.</param>
/// <param name="time">Says how old objects are.</param>
public sealed class Collector(IObjectTier tier, CollectorOptions options, TimeProvider time)
{
    private const int MaxRecordBytes = 64 * 1024 * 1024;

    /// <summary>Collects once.</summary>
    /// <param name="roots">Images to keep beside those of builds: deployed ones, those of containers.</param>
    /// <param name="cancellationToken">Ends it; what was removed was not needed.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The grace time is too short.</exception>
    /// <exception cref="TierException">The store cannot be asked. Nothing that is needed was removed.</exception>
    public async Task<CollectionResult> RunAsync(IEnumerable<Digest> roots, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Grace, TimeSpan.FromHours(1), nameof(options));
        var now = time.GetUtcNow();

        // Listed before anything is marked: what comes later is not looked at.
        var packs = await ListAsync(ObjectKeys.Packs, cancellationToken);
        var indexes = await ListAsync(ObjectKeys.Indexes, cancellationToken);
        var traces = await ListAsync(ObjectKeys.Traces, cancellationToken);
        var builds = await ListAsync(ObjectKeys.Builds, cancellationToken);

        var images = new HashSet<Digest>(roots);
        var removable = new List<ObjectInfo>();
        foreach (var build in builds)
        {
            if (now - build.Modified > Max(options.KeepBuilds, options.Grace))
            {
                removable.Add(build);
            }
            else if (await ReadImageAsync(build, cancellationToken) is { } image)
            {
                images.Add(image);
            }
        }

        // An index that is too young to go may be of a build that has no record yet: it keeps its packs too.
        images.UnionWith(indexes.Where(i => now - i.Modified <= options.Grace).Select(static i => NameOf(i.Key)).OfType<Digest>());
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var image in images)
        {
            await MarkAsync(image, needed, cancellationToken);
        }

        removable.AddRange(traces.Where(t => now - t.Modified > options.Grace && !images.Any(i => t.Key.Contains(i.ToString(), StringComparison.Ordinal))));
        var condemned = (await ListAsync(ObjectKeys.Condemned, cancellationToken)).ToDictionary(static c => c.Key, StringComparer.Ordinal);
        foreach (var found in packs.Concat(indexes))
        {
            var mark = ObjectKeys.Condemn(found.Key);
            var isUnneeded = !needed.Contains(found.Key) && now - found.Modified > options.Grace;
            if (!condemned.Remove(mark, out var since))
            {
                if (isUnneeded)
                {
                    using var nothing = new MemoryStream([0]);
                    await tier.PutAsync(mark, nothing, cancellationToken);
                }
            }
            else if (!isUnneeded)
            {
                await tier.DeleteAsync(mark, cancellationToken);
            }
            else if (now - since.Modified >= options.Grace)
            {
                removable.Add(found);
                removable.Add(since);
            }
        }

        // The mark of a removed object goes after it: a crash in between leaves a mark of nothing, which goes now.
        removable.AddRange(condemned.Values);
        foreach (var unneeded in removable)
        {
            await tier.DeleteAsync(unneeded.Key, cancellationToken);
        }

        var removed = removable.Where(static o => !o.Key.StartsWith(ObjectKeys.Condemned, StringComparison.Ordinal)).ToList();
        return new CollectionResult(packs.Count + indexes.Count + traces.Count + builds.Count - removed.Count, removed.Count, removed.Sum(static o => o.SizeBytes));
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static Digest? NameOf(string key) => Digest.TryParse(ObjectKeys.Split(key).Name, out var digest) ? digest : null;

    private async Task<List<ObjectInfo>> ListAsync(string kind, CancellationToken cancellationToken)
    {
        var objects = new List<ObjectInfo>();
        await foreach (var found in tier.ListAsync(kind, cancellationToken))
        {
            objects.Add(found);
        }

        return objects;
    }

    private async Task<Digest?> ReadImageAsync(ObjectInfo build, CancellationToken cancellationToken)
    {
        if (build.SizeBytes > MaxRecordBytes || await ReadAsync(build.Key, cancellationToken) is not { } bytes)
        {
            return null;
        }

        try
        {
            using var record = JsonDocument.Parse(bytes);
            return record.RootElement.ValueKind == JsonValueKind.Object && record.RootElement.TryGetProperty("index", out var index) && index.ValueKind == JsonValueKind.String
                && Digest.TryParse(index.GetString(), out var image) ? image : null;
        }
        catch (JsonException)
        {
            // Damaged: it names nothing, and is built anew when it is asked for.
            return null;
        }
    }

    private async Task MarkAsync(Digest image, HashSet<string> needed, CancellationToken cancellationToken)
    {
        if (await ReadAsync(ObjectKeys.Index(image), cancellationToken) is not { } bytes)
        {
            return;
        }

        needed.Add(ObjectKeys.Index(image));
        ImageIndex index;
        try
        {
            index = ImageIndex.Parse(bytes);
        }
        catch (InvalidDataException e)
        {
            // What it needs cannot be told, and so nothing may go.
            throw new TierException($"{tier.Name}: {ObjectKeys.Index(image)} is damaged, so that nothing can be collected: check the store, which moves damaged objects aside. {e.Message}", e);
        }

        using (index)
        {
            for (var pack = 0; pack < index.PackCount; pack++)
            {
                needed.Add(ObjectKeys.Pack(index.GetPack(pack)));
            }
        }
    }

    // Null if it went meanwhile.
    private async Task<byte[]?> ReadAsync(string key, CancellationToken cancellationToken)
    {
        if (await tier.GetSizeAsync(key, cancellationToken) is not { } size)
        {
            return null;
        }

        var bytes = new byte[size];
        return await tier.ReadAsync(key, 0, bytes, cancellationToken) is not { } length ? null
            : length == bytes.Length ? bytes : throw new TierException($"{tier.Name}: {key} ended early.");
    }
}
