using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Tests.Objects;

/// <summary>A tier that tells a test of what is asked of it, just before it does it: <c>put pack/…</c>, <c>delete index/…</c>, <c>list build</c>.</summary>
internal sealed class HookedTier(IObjectTier inner) : IObjectTier
{
    /// <summary>Waited for before each operation.</summary>
    public Func<string, Task> Before { get; set; } = static _ => Task.CompletedTask;

    public string Name => inner.Name;

    public async Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        await Before($"find {string.Join(' ', keys)}");
        return await inner.FindMissingAsync(keys, storedSince, cancellationToken);
    }

    public async Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken)
    {
        await Before($"size {key}");
        return await inner.GetSizeAsync(key, cancellationToken);
    }

    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        await Before($"read {key}");
        return await inner.ReadAsync(key, offset, destination, cancellationToken);
    }

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        await Before($"put {key}");
        await inner.PutAsync(key, content, cancellationToken);
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Before($"list {kind}");
        foreach (var found in await inner.ListAsync(kind, cancellationToken).ToListAsync(cancellationToken))
        {
            yield return found;
        }
    }

    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        await Before($"delete {key}");
        await inner.DeleteAsync(key, cancellationToken);
    }
}
