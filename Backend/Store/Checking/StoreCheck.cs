using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Store.Checking;

/// <summary>
/// Reads all of a store and names what is damaged or missing, and which images that hits. Builders and collectors may run meanwhile: indexes are listed before packs, so that the packs of each
/// were there when they were listed, and whatever seems wrong is read again before it is named.
/// </summary>
public sealed class StoreCheck
{
    private const string Damaged = "damaged";

    private readonly IObjectTier _tier;
    private readonly Dictionary<Digest, Dictionary<(long Offset, int Stored), Digest>> _packs = [];
    private readonly Dictionary<string, string> _problems = new(StringComparer.Ordinal);

    // Keys of the indexes that need what is wrong.
    private readonly Dictionary<string, HashSet<string>> _users = new(StringComparer.Ordinal);

    private StoreCheck(IObjectTier tier) => _tier = tier;

    /// <summary>Checks every pack and every index.</summary>
    /// <param name="tier">The store.</param>
    /// <param name="repair">
    /// False changes nothing. True moves damaged objects aside, to the kind <c>damaged</c>, and with them the indexes that need them, so that the next build of these images makes them anew;
    /// nothing is thrown away.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What is wrong; empty if nothing is.</returns>
    /// <exception cref="TierException">The store cannot be read.</exception>
    public static async Task<IReadOnlyList<Finding>> RunAsync(IObjectTier tier, bool repair, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tier);
        var check = new StoreCheck(tier);
        await check.ReadAsync(cancellationToken);
        var findings = new List<Finding>();
        foreach (var key in check._problems.Keys.Order(StringComparer.Ordinal))
        {
            if (await check.ConfirmAsync(key, cancellationToken) is { } finding)
            {
                findings.Add(finding);
                await (repair ? check.MoveAsync(key, cancellationToken) : Task.CompletedTask);
            }
        }

        return findings;
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        var indexes = await _tier.ListAsync(ObjectKeys.Indexes, cancellationToken).ToListAsync(cancellationToken);
        await foreach (var pack in _tier.ListAsync(ObjectKeys.Packs, cancellationToken))
        {
            if (await CheckPackAsync(pack.Key, cancellationToken) is { } problem)
            {
                _problems[pack.Key] = problem;
            }
        }

        foreach (var index in indexes)
        {
            if (await CheckIndexAsync(index.Key, cancellationToken) is { } problem)
            {
                _problems[index.Key] = problem;
            }
        }
    }

    // Null if it is whole, or gone. What is in a whole one is noted.
    private async Task<string?> CheckPackAsync(string key, CancellationToken cancellationToken)
    {
        if (!Digest.TryParse(ObjectKeys.Split(key).Name, out var digest))
        {
            return "Its name is no digest.";
        }

        if (await ReadAsync(key, cancellationToken) is not { } bytes)
        {
            return null;
        }

        if (Digest.Of(bytes) != digest)
        {
            return $"Its {bytes.Length} bytes do not have the digest that is its name.";
        }

        try
        {
            using var codec = FrameCodec.Rent();
            var (found, buffer) = (new Dictionary<(long, int), Digest>(), new byte[ChunkInfo.MaxBytes]);
            foreach (var chunk in PackTable.Read(digest, bytes))
            {
                var plain = buffer.AsSpan(0, chunk.SizeBytes);
                if (!codec.TryUnpack(in chunk, bytes.AsSpan((int)chunk.PackOffset, chunk.StoredBytes), plain))
                {
                    return $"Its chunk at {chunk.PackOffset} is not what its table says.";
                }

                found[(chunk.PackOffset, chunk.StoredBytes)] = chunk.Digest;
            }

            _packs[digest] = found;
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    // Null if it is whole, or gone. What is wrong with the packs that it needs is noted as theirs.
    private async Task<string?> CheckIndexAsync(string key, CancellationToken cancellationToken)
    {
        if (await ReadAsync(key, cancellationToken) is not { } bytes)
        {
            return null;
        }

        ImageIndex index;
        try
        {
            index = ImageIndex.Parse(StoredIndex.Read(bytes));
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }

        using (index)
        {
            if (index.Name != ObjectKeys.Split(key).Name)
            {
                return $"It is the index {index.Name}.";
            }

            for (var c = 0; c < index.ChunkCount; c++)
            {
                var chunk = index.GetChunk(c);
                var pack = ObjectKeys.Pack(chunk.Pack);
                if (!_packs.TryGetValue(chunk.Pack, out var chunks))
                {
                    _problems.TryAdd(pack, "It is missing.");
                    (_users.TryGetValue(pack, out var users) ? users : _users[pack] = []).Add(key);
                }
                else if (!chunks.TryGetValue((chunk.PackOffset, chunk.StoredBytes), out var there) || there != chunk.Digest)
                {
                    return $"Its chunk {c} is not where it says, in {pack} at {chunk.PackOffset}.";
                }
            }

            return null;
        }
    }

    // Null if there is nothing wrong when it is looked at again: it was read wrongly, or has gone with all that needs it.
    private async Task<Finding?> ConfirmAsync(string key, CancellationToken cancellationToken)
    {
        var users = _users.GetValueOrDefault(key, []);
        if (ObjectKeys.Split(key).Kind == ObjectKeys.Indexes)
        {
            return await CheckIndexAsync(key, cancellationToken) is { } wrong ? new Finding(key, wrong, ImagesOf([key])) : null;
        }

        var problem = await CheckPackAsync(key, cancellationToken);
        if (problem is null && await _tier.GetSizeAsync(key, cancellationToken) is null)
        {
            // Looked for after the pack: a collection removes an index before its packs.
            users.ExceptWith(await _tier.FindMissingAsync([.. users], cancellationToken));
            problem = users.Count > 0 ? "It is missing." : null;
        }

        return problem is null ? null : new Finding(key, problem, ImagesOf(users));
    }

    private static IReadOnlyList<Digest> ImagesOf(IEnumerable<string> indexes) =>
        [.. indexes.Select(static i => ObjectKeys.TryGetImageId(ObjectKeys.Split(i).Name, out var image) ? image : default).Where(static i => i != default).Distinct().Order()];

    private async Task MoveAsync(string key, CancellationToken cancellationToken)
    {
        foreach (var moved in _users.GetValueOrDefault(key, []).Append(key))
        {
            if (await ReadAsync(moved, cancellationToken) is { } bytes)
            {
                var (kind, name) = ObjectKeys.Split(moved);
                using var content = new MemoryStream(bytes, writable: false);
                await _tier.PutAsync($"{Damaged}/{kind}-{name}", content, cancellationToken);
                await _tier.DeleteAsync(moved, cancellationToken);
            }
        }
    }

    private async Task<byte[]?> ReadAsync(string key, CancellationToken cancellationToken)
    {
        if (await _tier.GetSizeAsync(key, cancellationToken) is not { } size)
        {
            return null;
        }

        var bytes = new byte[size];
        return await _tier.ReadAsync(key, 0, bytes, cancellationToken) is { } length ? bytes[..length] : null;
    }
}
