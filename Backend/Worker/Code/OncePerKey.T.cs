using System.Collections.Concurrent;

namespace Modal.Backend.Worker.Code;

/// <summary>Makes things once for each key, however many ask at the same time; one that failed is made again for the next. Safe from many threads.</summary>
internal sealed class OncePerKey<T>
{
    private readonly ConcurrentDictionary<string, Lazy<Task<T>>> _made = new(StringComparer.Ordinal);

    /// <summary>The next who asks makes it again.</summary>
    public void Forget(string key) => _made.TryRemove(key, out _);

    /// <summary>The thing of a key.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="make">Makes it. Not cancelled with the one who asked first: others may wait for it too.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<T> GetAsync(string key, Func<Task<T>> make, CancellationToken cancellationToken)
    {
        var entry = _made.GetOrAdd(key, static (_, m) => new Lazy<Task<T>>(m), make);
        try
        {
            return await entry.Value.WaitAsync(cancellationToken);
        }
        catch when (entry.Value.IsFaulted)
        {
            _made.TryRemove(KeyValuePair.Create(key, entry));
            throw;
        }
    }
}
