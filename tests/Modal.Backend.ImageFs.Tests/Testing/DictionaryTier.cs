using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>Objects in memory.</summary>
internal sealed class DictionaryTier : IObjectTier
{
    private readonly ConcurrentDictionary<string, byte[]> _objects = new();

    public string Name => "memory";

    /// <summary>Reads what <see cref="SaveAsync"/> wrote.</summary>
    public static DictionaryTier Load(string folder)
    {
        var tier = new DictionaryTier();
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            tier._objects[Path.GetRelativePath(folder, file)] = File.ReadAllBytes(file);
        }

        return tier;
    }

    /// <summary>Writes all objects as files, for <see cref="Load"/> or as a <see cref="FolderTier"/>.</summary>
    public async Task SaveAsync(string folder, bool asFolderTier)
    {
        var real = asFolderTier ? new FolderTier(folder) : null;
        foreach (var (key, bytes) in _objects)
        {
            if (real is not null)
            {
                using var stream = new MemoryStream(bytes);
                await real.PutAsync(key, stream, CancellationToken.None);
                continue;
            }

            var path = Path.Combine(folder, key);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, bytes);
        }
    }

    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<string>>([.. keys.Where(k => !_objects.ContainsKey(k))]);

    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => Task.FromResult(_objects.TryGetValue(key, out var bytes) ? bytes.Length : (long?)null);

    public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        if (!_objects.TryGetValue(key, out var bytes))
        {
            return Task.FromResult<int?>(null);
        }

        var length = (int)Math.Clamp(bytes.Length - offset, 0, destination.Length);
        bytes.AsMemory((int)Math.Min(offset, bytes.Length), length).CopyTo(destination);
        return Task.FromResult<int?>(length);
    }

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await content.CopyToAsync(bytes, cancellationToken);
        _objects[key] = bytes.ToArray();
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var key in _objects.Keys.Where(k => k.StartsWith(kind + "/", StringComparison.Ordinal)))
        {
            yield return new ObjectInfo(key, _objects[key].Length, default);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        _objects.TryRemove(key, out _);
        return Task.CompletedTask;
    }
}
