using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Store.Checking;

/// <summary>Reads all of a store and names what is damaged or missing, and which images that hits.</summary>
public static class StoreCheck
{
    private const string Damaged = "damaged";

    /// <summary>Checks every pack and every index.</summary>
    /// <param name="tier">The store.</param>
    /// <param name="repair">
    /// False changes nothing. True moves damaged objects aside, to the kind <c>damaged</c>, so that what needs them is built anew; nothing is thrown away.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What is wrong; empty if nothing is.</returns>
    /// <exception cref="TierException">The store cannot be read.</exception>
    public static async Task<IReadOnlyList<Finding>> RunAsync(IObjectTier tier, bool repair, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tier);
        var problems = new Dictionary<string, string>(StringComparer.Ordinal);
        var packs = new Dictionary<Digest, Dictionary<(long Offset, int Stored), Digest>>();
        await foreach (var pack in tier.ListAsync(ObjectKeys.Packs, cancellationToken))
        {
            var (problem, chunks) = await CheckPackAsync(tier, pack.Key, cancellationToken);
            if (problem is null)
            {
                packs[Digest.Parse(ObjectKeys.Split(pack.Key).Name)] = chunks;
            }
            else
            {
                problems[pack.Key] = problem;
            }
        }

        var users = new Dictionary<string, HashSet<Digest>>(StringComparer.Ordinal);
        await foreach (var index in tier.ListAsync(ObjectKeys.Indexes, cancellationToken))
        {
            await CheckIndexAsync(tier, index.Key, packs, problems, users, cancellationToken);
        }

        var findings = problems.OrderBy(static p => p.Key, StringComparer.Ordinal).Select(p => new Finding(p.Key, p.Value, users.TryGetValue(p.Key, out var images) ? [.. images.Order()] : [])).ToList();
        foreach (var finding in repair ? findings : [])
        {
            await MoveAsync(tier, finding.Key, cancellationToken);
        }

        return findings;
    }

    private static async Task<(string? Problem, Dictionary<(long, int), Digest> Chunks)> CheckPackAsync(IObjectTier tier, string key, CancellationToken cancellationToken)
    {
        var found = new Dictionary<(long, int), Digest>();
        if (!Digest.TryParse(ObjectKeys.Split(key).Name, out var digest))
        {
            return ("Its name is no digest.", found);
        }

        var bytes = await ReadAsync(tier, key, cancellationToken);
        if (Digest.Of(bytes) != digest)
        {
            return ($"Its {bytes.Length} bytes do not have the digest that is its name.", found);
        }

        try
        {
            using var codec = FrameCodec.Rent();
            var buffer = new byte[ChunkInfo.MaxBytes];
            foreach (var chunk in PackTable.Read(digest, bytes))
            {
                var plain = buffer.AsSpan(0, chunk.SizeBytes);
                if (!codec.TryUnpack(in chunk, bytes.AsSpan((int)chunk.PackOffset, chunk.StoredBytes), plain))
                {
                    return ($"Its chunk at {chunk.PackOffset} is not what its table says.", found);
                }

                found[(chunk.PackOffset, chunk.StoredBytes)] = chunk.Digest;
            }

            return (null, found);
        }
        catch (InvalidDataException e)
        {
            return (e.Message, found);
        }
    }

    private static async Task CheckIndexAsync(
        IObjectTier tier, string key, Dictionary<Digest, Dictionary<(long Offset, int Stored), Digest>> packs, Dictionary<string, string> problems, Dictionary<string, HashSet<Digest>> users,
        CancellationToken cancellationToken)
    {
        ImageIndex index;
        try
        {
            index = ImageIndex.Parse(await ReadAsync(tier, key, cancellationToken));
        }
        catch (InvalidDataException e)
        {
            problems[key] = e.Message;
            Use(users, key, key);
            return;
        }

        using (index)
        {
            if (index.Id.ToString() != ObjectKeys.Split(key).Name)
            {
                problems[key] = $"It is the index of image {index.Id}.";
                Use(users, key, key);
                return;
            }

            for (var c = 0; c < index.ChunkCount; c++)
            {
                var chunk = index.GetChunk(c);
                var pack = ObjectKeys.Pack(chunk.Pack);
                if (!packs.TryGetValue(chunk.Pack, out var chunks))
                {
                    problems.TryAdd(pack, "It is missing.");
                    Use(users, pack, key);
                }
                else if (!chunks.TryGetValue((chunk.PackOffset, chunk.StoredBytes), out var there) || there != chunk.Digest)
                {
                    problems.TryAdd(key, $"Its chunk {c} is not where it says, in {pack} at {chunk.PackOffset}.");
                    Use(users, key, key);
                }
            }
        }
    }

    private static void Use(Dictionary<string, HashSet<Digest>> users, string key, string index)
    {
        if (Digest.TryParse(ObjectKeys.Split(index).Name, out var image))
        {
            (users.TryGetValue(key, out var images) ? images : users[key] = []).Add(image);
        }
    }

    private static async Task MoveAsync(IObjectTier tier, string key, CancellationToken cancellationToken)
    {
        if (await tier.GetSizeAsync(key, cancellationToken) is null)
        {
            return;
        }

        var (kind, name) = ObjectKeys.Split(key);
        using var bytes = new MemoryStream(await ReadAsync(tier, key, cancellationToken), writable: false);
        await tier.PutAsync($"{Damaged}/{kind}-{name}", bytes, cancellationToken);
        await tier.DeleteAsync(key, cancellationToken);
    }

    private static async Task<byte[]> ReadAsync(IObjectTier tier, string key, CancellationToken cancellationToken)
    {
        var bytes = new byte[await tier.GetSizeAsync(key, cancellationToken) ?? 0];
        var length = await tier.ReadAsync(key, 0, bytes, cancellationToken) ?? 0;
        return length == bytes.Length ? bytes : bytes[..length];
    }
}
