using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Modal.Backend.Store.Objects;

/// <summary>Objects in this process's memory: for tests, and for machines whose store need not outlive them.</summary>
/// <param name="time">Gives objects their time.</param>
public sealed class MemoryTier(TimeProvider time) : IObjectTier
{
    private readonly ConcurrentDictionary<string, (byte[] Bytes, DateTimeOffset Modified)> _objects = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public string Name => "memory";

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return Task.FromResult<IReadOnlyList<string>>([.. keys.Where(k => !_objects.TryGetValue(Checked(k), out var found) || found.Modified < storedSince)]);
    }

    /// <inheritdoc/>
    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) =>
        Task.FromResult<long?>(_objects.TryGetValue(Checked(key), out var found) ? found.Bytes.Length : null);

    /// <inheritdoc/>
    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (!_objects.TryGetValue(Checked(key), out var found))
        {
            return Task.FromResult<int?>(null);
        }

        var part = found.Bytes.AsSpan((int)Math.Min(offset, found.Bytes.Length));
        part = part[..Math.Min(part.Length, destination.Length)];
        part.CopyTo(destination.Span);
        return Task.FromResult<int?>(part.Length);
    }

    /// <inheritdoc/>
    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        Checked(key);
        using var copy = new MemoryStream();
        await content.CopyToAsync(copy, cancellationToken);
        _objects[key] = (copy.ToArray(), time.GetUtcNow());
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectKeys.CheckPart(kind);
        await Task.CompletedTask;
        foreach (var (key, value) in _objects.Where(o => o.Key.StartsWith(kind + "/", StringComparison.Ordinal)))
        {
            yield return new ObjectInfo(key, value.Bytes.Length, value.Modified);
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        _objects.TryRemove(Checked(key), out _);
        return Task.CompletedTask;
    }

    private static string Checked(string key)
    {
        ObjectKeys.Split(key);
        return key;
    }
}
