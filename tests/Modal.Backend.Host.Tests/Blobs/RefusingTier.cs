using Modal.Backend.Store.Objects;

namespace Modal.Backend.Host.Tests.Blobs;

/// <summary>Has nothing, and takes nothing: it fails after the first bytes.</summary>
internal sealed class RefusingTier(bool isFull) : IObjectTier
{
    public string Name => "refusing";

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => Task.FromResult(keys);

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => Task.FromResult<long?>(null);

    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) => Task.FromResult<int?>(null);

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        await content.ReadExactlyAsync(new byte[10], cancellationToken);
        throw new TierException("refusing: it takes nothing") { IsFull = isFull };
    }

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) => AsyncEnumerable.Empty<ObjectInfo>();

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => Task.CompletedTask;
}
