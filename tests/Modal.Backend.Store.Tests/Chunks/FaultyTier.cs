using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Tests.Chunks;

/// <summary>A tier whose reads go wrong as a test says, and are counted.</summary>
internal sealed class FaultyTier(IObjectTier inner) : IObjectTier
{
    private int _reads;

    public string Name => $"faulty {inner.Name}";

    /// <summary>Called for each read with its number from 1; may throw, wait, or change what is read.</summary>
    public Func<int, Memory<byte>, Task<int?>>? OnRead { get; set; }

    public Action<int, Memory<byte>>? AfterRead { get; set; }

    public Task? Gate { get; set; }

    public int Reads => _reads;

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => inner.FindMissingAsync(keys, storedSince, cancellationToken);

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => inner.GetSizeAsync(key, cancellationToken);

    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref _reads);
        await (Gate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        if (OnRead is not null && await OnRead(number, destination) is { } answer)
        {
            return answer;
        }

        var length = await inner.ReadAsync(key, offset, destination, cancellationToken);
        AfterRead?.Invoke(number, destination);
        return length;
    }

    public Task PutAsync(string key, Stream content, CancellationToken cancellationToken) => inner.PutAsync(key, content, cancellationToken);

    public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) => inner.ListAsync(kind, cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => inner.DeleteAsync(key, cancellationToken);
}
