using System.Text.Json;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Collection;

/// <summary>
/// Removes what no image needs. Builders, checks and other collectors, of this and of other machines, may run meanwhile, without locks, over a store that can only put, get, list and delete:
/// <list type="number">
/// <item>No name that may be removed is ever stored again. Packs and indexes have random names, records have the month of their last use in theirs. So a removal takes away what it means to,
/// however late it arrives.</item>
/// <item>What is needed: records of this month and the last; the indexes that they or the roots name, and those younger than the grace time; the packs of these indexes.</item>
/// <item>A pack or an index that is not needed and is older than the grace time is marked as condemned. It is removed by a run that begins at least the grace time later and finds it not needed
/// still, an index before its packs. A run that finds it needed takes the mark away.</item>
/// <item>Whoever uses a pack again looks for marks and then for packs, and only then stores its index. If there was no mark, the index is there before anything is removed, which is the grace
/// time later. If there was one, the content is stored again in a pack of another name; unless an index that is needed names the pack, as the one of a layer below does: then the mark was
/// made by a run that listed the indexes before that one was there, and nothing comes of it.</item>
/// <item>Whoever uses a record of last month stores it under this one. So what is in use is needed for at least a month after its last use, for every collector.</item>
/// <item>A run that has lasted half the grace time stops: what it saw is too old to act on.</item>
/// </list>
/// </summary>
/// <param name="tier">The store.</param>
/// <param name="options">What to keep.</param>
/// <param name="time">Says how old objects are.</param>
public sealed class Collector(IObjectTier tier, CollectorOptions options, TimeProvider time)
{
    private const int MaxRecordBytes = 64 * 1024 * 1024;

    /// <summary>Collects once.</summary>
    /// <param name="roots">
    /// What to keep beside what was used of late: ids of images (<c>im-…</c>), such as those of running containers. Their records count as used now, which other collectors see too.
    /// Names and ids of indexes are possible, and are known to this run only.
    /// </param>
    /// <param name="cancellationToken">Ends it; what was removed was not needed.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The grace time is too short.</exception>
    /// <exception cref="TierException">The store cannot be asked, or an index that is needed is damaged. Nothing that is needed was removed.</exception>
    public async Task<CollectionResult> RunAsync(IEnumerable<string> roots, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(roots);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Grace, TimeSpan.FromHours(1), nameof(options));
        var now = time.GetUtcNow();
        var names = roots.ToHashSet(StringComparer.Ordinal);

        // What is stored after its kind was listed is not looked at; what makes it needed is listed last.
        var packs = await ListAsync(ObjectKeys.Packs, cancellationToken);
        var traces = await ListAsync(ObjectKeys.Traces, cancellationToken);
        var indexes = await ListAsync(ObjectKeys.Indexes, cancellationToken);
        var builds = await ListAsync(ObjectKeys.Builds, cancellationToken);
        var (images, removable) = await ReadRecordsAsync(builds, names, now, cancellationToken);
        var (needed, ids) = await MarkAsync(
            indexes.Where(i => IsYoung(i, now) || IsNamed(ObjectKeys.Split(i.Key).Name, names) || images.Contains(ObjectKeys.Split(i.Key).Name)), areNeeded: true, cancellationToken);
        var (condemn, spare) = (new List<string>(), new List<string>());
        var marks = (await ListAsync(ObjectKeys.Condemned, cancellationToken)).ToDictionary(static c => c.Key, StringComparer.Ordinal);

        // An index goes before its packs, and those of one that is not needed and yet stays for now stay too: none is ever without them.
        var staying = indexes.Where(i => !Sort(i, [])).ToList();
        var (held, _) = await MarkAsync(staying.Where(i => !needed.Contains(i.Key)), areNeeded: false, cancellationToken);
        packs.ForEach(p => Sort(p, held));

        // Marks of nothing. One of what was stored and condemned since the listing is younger.
        spare.AddRange(marks.Values.Where(m => !IsYoung(m, now)).Select(static m => m.Key));
        removable.AddRange(traces.Where(t => !IsYoung(t, now) && !ids.Contains(ObjectKeys.Split(t.Key).Name.Split('-')[0])));
        var removed = await ChangeAsync(condemn, spare, removable, now + (options.Grace / 2), cancellationToken);
        return new CollectionResult(packs.Count + indexes.Count + traces.Count + builds.Count - removed.Count, removed.Count, removed.Sum(static o => o.SizeBytes));

        // True if it is to be removed.
        bool Sort(ObjectInfo found, HashSet<string> heldBack)
        {
            var isUnneeded = !needed.Contains(found.Key) && !IsYoung(found, now);
            if (!marks.Remove(ObjectKeys.Condemn(found.Key), out var mark))
            {
                condemn.AddRange(isUnneeded ? [ObjectKeys.Condemn(found.Key)] : []);
            }
            else if (!isUnneeded)
            {
                spare.Add(mark.Key);
            }
            else if (now - mark.Modified >= options.Grace && !heldBack.Contains(found.Key))
            {
                // The mark goes after it: a crash in between leaves a mark of nothing.
                removable.AddRange([found, mark]);
                return true;
            }

            return false;
        }
    }

    private static bool IsNamed(string index, HashSet<string> names) => names.Contains(index) || (ObjectKeys.TryGetImageId(index, out var id) && names.Contains(id.ToString()));

    private bool IsYoung(ObjectInfo found, DateTimeOffset now) => now - found.Modified <= options.Grace;

    private async Task<List<ObjectInfo>> ListAsync(string kind, CancellationToken cancellationToken)
    {
        var objects = new List<ObjectInfo>();
        await foreach (var found in tier.ListAsync(kind, cancellationToken))
        {
            objects.Add(found);
        }

        return objects;
    }

    // The indexes that live records name, and the records that are not live. Records of roots are stored under this month.
    private async Task<(HashSet<string> Images, List<ObjectInfo> Dead)> ReadRecordsAsync(
        List<ObjectInfo> builds, HashSet<string> names, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var (images, dead) = (new HashSet<string>(StringComparer.Ordinal), new List<ObjectInfo>());
        var listed = builds.Select(static b => b.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var build in builds)
        {
            var key = BuildKey.TryParse(build.Key);
            var bytes = build.SizeBytes > MaxRecordBytes ? null : await tier.ReadWholeAsync(build.Key, MaxRecordBytes, cancellationToken);
            var image = bytes is null ? null : IndexOf(bytes);
            var isRoot = key is { } known && names.Contains(known.Name) || (image is not null && IsNamed(image, names));
            if (key?.IsLive(now) != true && !isRoot)
            {
                dead.AddRange(IsYoung(build, now) ? [] : [build]);
                continue;
            }

            if (image is not null)
            {
                images.Add(image);
            }

            if (isRoot && key is { } used && BuildKey.Of(used.Name, now) is var current && used.Month < current.Month && bytes is not null && listed.Add(current.ToString()))
            {
                using var content = new MemoryStream(bytes, writable: false);
                await tier.PutAsync(current.ToString(), content, cancellationToken);
            }
        }

        return (images, dead);
    }

    // Null if it is damaged: it names nothing, and is built anew when it is asked for.
    private static string? IndexOf(byte[] record)
    {
        try
        {
            using var document = JsonDocument.Parse(record);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("index", out var index) && index.ValueKind == JsonValueKind.String ? index.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Keys of the indexes and of all their packs, and the images' ids.
    private async Task<(HashSet<string> Keys, HashSet<string> Ids)> MarkAsync(IEnumerable<ObjectInfo> indexes, bool areNeeded, CancellationToken cancellationToken)
    {
        var (keys, ids) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        foreach (var (key, _, _) in indexes)
        {
            if (await tier.ReadWholeAsync(key, long.MaxValue, cancellationToken) is not { } bytes)
            {
                continue;
            }

            try
            {
                using var index = ImageIndex.Parse(StoredIndex.Read(bytes));
                keys.Add(key);
                keys.UnionWith(Enumerable.Range(0, index.PackCount).Select(p => ObjectKeys.Pack(index.GetPack(p))));
                ids.Add(index.Id.ToString());
            }
            catch (InvalidDataException e) when (areNeeded)
            {
                // What it needs cannot be told, and so nothing may go.
                throw new TierException($"{tier.Name}: {key} is damaged, so that nothing can be collected: check the store, which moves damaged objects aside. {e.Message}", e);
            }
            catch (InvalidDataException)
            {
                // Nobody will read it.
            }
        }

        return (keys, ids);
    }

    private async Task<List<ObjectInfo>> ChangeAsync(List<string> condemn, List<string> spare, List<ObjectInfo> removable, DateTimeOffset end, CancellationToken cancellationToken)
    {
        var removed = new List<ObjectInfo>();
        foreach (var mark in spare.TakeWhile(_ => time.GetUtcNow() < end))
        {
            await tier.DeleteAsync(mark, cancellationToken);
        }

        foreach (var mark in condemn.TakeWhile(_ => time.GetUtcNow() < end))
        {
            using var nothing = new MemoryStream([0]);
            await tier.PutAsync(mark, nothing, cancellationToken);
        }

        foreach (var unneeded in removable.TakeWhile(_ => time.GetUtcNow() < end))
        {
            await tier.DeleteAsync(unneeded.Key, cancellationToken);
            removed.AddRange(unneeded.Key.StartsWith($"{ObjectKeys.Condemned}/", StringComparison.Ordinal) ? [] : [unneeded]);
        }

        return removed;
    }
}
