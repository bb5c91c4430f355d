using Modal.Backend.Store.Objects;

namespace Modal.Backend.Host.Tests.Blobs;

/// <summary>Fails whatever it is asked.</summary>
internal sealed class FailingTier : IObjectTier
{
    public string Name => "failing";

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => throw Failure();

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => throw Failure();

    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) => throw Failure();

    public Task PutAsync(string key, Stream content, CancellationToken cancellationToken) => throw Failure();

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) => throw Failure();

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => throw Failure();

    private static TierException Failure() => new("failing: the disk is full");
}
