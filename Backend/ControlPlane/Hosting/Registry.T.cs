using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>
/// Where grains find the streams of this process by id. A grain on another machine would not find them here: then the one that holds the stream has to be asked
/// to pass messages on. Today there is one silo, so every stream is here.
/// </summary>
internal sealed class Registry<T>
    where T : class
{
    private readonly ConcurrentDictionary<string, T> _entries = new(StringComparer.Ordinal);

    public IEnumerable<T> All => _entries.Values;

    public bool TryGet(string id, [NotNullWhen(true)] out T? entry) => _entries.TryGetValue(id, out entry);

    public T GetOrAdd(string id, Func<string, T> make) => _entries.GetOrAdd(id, make);

    public void Set(string id, T entry) => _entries[id] = entry;

    /// <summary>Removes the entry unless another has taken its place.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(string id, T entry) => _entries.TryRemove(KeyValuePair.Create(id, entry));
}
