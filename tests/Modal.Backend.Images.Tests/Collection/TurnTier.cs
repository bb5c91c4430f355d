using System.Runtime.CompilerServices;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Tests.Collection;

/// <summary>A store that does what it is asked when it is the asker's turn.</summary>
internal sealed class TurnTier(IObjectTier inner) : IObjectTier
{
    public Turns? Turns { get; set; }

    public string Name => inner.Name;

    public async Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        // Each key is a question of its own, as it is in S3.
        var missing = new List<string>();
        foreach (var key in keys)
        {
            await Turns!.WaitAsync();
            missing.AddRange(await inner.FindMissingAsync([key], storedSince, cancellationToken));
        }

        return missing;
    }

    public async Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken)
    {
        await Turns!.WaitAsync();
        return await inner.GetSizeAsync(key, cancellationToken);
    }

    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        await Turns!.WaitAsync();
        return await inner.ReadAsync(key, offset, destination, cancellationToken);
    }

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        await Turns!.WaitAsync();
        await inner.PutAsync(key, content, cancellationToken);
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Turns!.WaitAsync();
        foreach (var found in await inner.ListAsync(kind, cancellationToken).ToListAsync(cancellationToken))
        {
            yield return found;
        }
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        await Turns!.WaitAsync();
        await inner.DeleteAsync(key, cancellationToken);
    }
}
