using Modal.Backend.Store.Objects;

namespace Modal.Backend.Worker.Tests.Images;

/// <summary>A store whose listings fail when a test says so, and are counted.</summary>
internal sealed class BreakableTier(IObjectTier inner) : IObjectTier
{
    public Exception? Failure { get; set; }

    public int Listings { get; private set; }

    public string Name => inner.Name;

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => inner.FindMissingAsync(keys, storedSince, cancellationToken);

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => inner.GetSizeAsync(key, cancellationToken);

    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) => inner.ReadAsync(key, offset, destination, cancellationToken);

    public Task PutAsync(string key, Stream content, CancellationToken cancellationToken) => inner.PutAsync(key, content, cancellationToken);

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken)
    {
        Listings++;
        return Failure is null ? inner.ListAsync(kind, cancellationToken) : throw Failure;
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);
}
