using System.Collections.Concurrent;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Tests.Building;

/// <summary>A store whose answers a test can hold back, and that says what was stored.</summary>
internal sealed class PausingTier(IObjectTier inner) : IObjectTier
{
    /// <summary>Waited for after the inner store was asked for an object, and before the answer is passed on.</summary>
    public Func<string, Task> BeforeAnswer { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Keys of what was stored.</summary>
    public ConcurrentQueue<string> Puts { get; } = new();

    public string Name => inner.Name;

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => inner.GetSizeAsync(key, cancellationToken);

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => inner.FindMissingAsync(keys, storedSince, cancellationToken);

    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var length = await inner.ReadAsync(key, offset, destination, cancellationToken);
        await BeforeAnswer(key);
        return length;
    }

    public Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        Puts.Enqueue(key);
        return inner.PutAsync(key, content, cancellationToken);
    }

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) => inner.ListAsync(kind, cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);
}
