using System.IO.Hashing;
using System.Text.Json;

namespace Modal.Backend.Worker.Snapshots;

/// <summary>
/// Snapshots as folders of this machine, up to a number of bytes; those that were not used for the longest time go first. A folder has a list of its files' hashes, by which it is checked when this process uses
/// it for the first time. Safe from many threads.
/// </summary>
/// <param name="directory">Where they lie; made if need be.</param>
/// <param name="maxBytes">How many bytes they may take. One that is in use stays.</param>
internal sealed class LocalSnapshots(string directory, long maxBytes)
{
    private const string HashesFile = "hashes.json";
    private const string UnfinishedSuffix = ".tmp";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _users = new(StringComparer.Ordinal);
    private readonly HashSet<string> _checked = new(StringComparer.Ordinal);

    /// <summary>A new empty folder for a snapshot; <see cref="KeepAsync"/> or deleting ends it.</summary>
    public string NewFolder(string key)
    {
        var folder = Path.Combine(directory, $"{key}-{Guid.NewGuid():N}{UnfinishedSuffix}");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return folder;
    }

    /// <summary>Removes what was interrupted. Before the first use.</summary>
    public void CleanUp()
    {
        Directory.CreateDirectory(directory);
        foreach (var folder in Directory.EnumerateDirectories(directory).Where(static f => f.EndsWith(UnfinishedSuffix, StringComparison.Ordinal)))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Keeps a folder that is complete under a key. If the key has one, that stays.</summary>
    public async Task KeepAsync(string key, string folder)
    {
        var hashes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            hashes.Add(Path.GetFileName(file), await HashAsync(file));
        }

        await File.WriteAllBytesAsync(Path.Combine(folder, HashesFile), JsonSerializer.SerializeToUtf8Bytes(hashes, SnapshotJson.Default.DictionaryStringString));
        lock (_gate)
        {
            var kept = Path.Combine(directory, key);
            if (Directory.Exists(kept))
            {
                Directory.Delete(folder, recursive: true);
            }
            else
            {
                Directory.Move(folder, kept);
                _checked.Add(key);
            }

            MakeRoom(key);
        }
    }

    /// <summary>Whether a key has a folder.</summary>
    public bool Has(string key) => Directory.Exists(Path.Combine(directory, key));

    /// <summary>The folder of a key, in use until the result is disposed of.</summary>
    /// <returns>Null if there is none, or if it was damaged and is gone now.</returns>
    public async Task<LocalSnapshot?> UseAsync(string key)
    {
        var folder = Path.Combine(directory, key);
        bool isChecked;
        lock (_gate)
        {
            if (!Directory.Exists(folder))
            {
                return null;
            }

            _users[key] = _users.GetValueOrDefault(key) + 1;
            isChecked = _checked.Contains(key);
        }

        var use = new LocalSnapshot(folder, () => End(key));
        if (!isChecked && !await IsRightAsync(folder))
        {
            use.Dispose();
            Remove(key);
            return null;
        }

        Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
        lock (_gate)
        {
            _checked.Add(key);
        }

        return use;
    }

    /// <summary>Removes a key's folder. Who has its files open reads on.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            _checked.Remove(key);
            var folder = Path.Combine(directory, key);
            if (Directory.Exists(folder))
            {
                // Out of the way at once: another may be made while this one is being deleted.
                var gone = $"{folder}-{Guid.NewGuid():N}{UnfinishedSuffix}";
                Directory.Move(folder, gone);
                Directory.Delete(gone, recursive: true);
            }
        }
    }

    private void End(string key)
    {
        lock (_gate)
        {
            if (--_users[key] == 0)
            {
                _users.Remove(key);
            }
        }
    }

    private void MakeRoom(string newest)
    {
        var folders = new DirectoryInfo(directory).EnumerateDirectories().Where(static d => !d.Name.EndsWith(UnfinishedSuffix, StringComparison.Ordinal))
            .Select(static d => (Folder: d, SizeBytes: d.EnumerateFiles().Sum(static f => f.Length))).OrderBy(static d => d.Folder.LastWriteTimeUtc).ToList();
        var bytes = folders.Sum(static f => f.SizeBytes);
        foreach (var (folder, size) in folders.TakeWhile(_ => bytes > maxBytes).Where(f => f.Folder.Name != newest && !_users.ContainsKey(f.Folder.Name)))
        {
            Remove(folder.Name);
            bytes -= size;
        }
    }

    private static async Task<bool> IsRightAsync(string folder)
    {
        try
        {
            var hashes = JsonSerializer.Deserialize(await File.ReadAllBytesAsync(Path.Combine(folder, HashesFile)), SnapshotJson.Default.DictionaryStringString);
            foreach (var (file, hash) in hashes ?? [])
            {
                if (await HashAsync(Path.Combine(folder, file)) != hash)
                {
                    return false;
                }
            }

            return hashes is { Count: > 0 };
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return false;
        }
    }

    // Against rot of this machine's disk; what comes from elsewhere was compared with its digests.
    private static async Task<string> HashAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1024 * 1024);
        var hash = new XxHash128();
        await hash.AppendAsync(file);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}

/// <summary>A snapshot's folder while it is in use.</summary>
/// <param name="folder">Its folder.</param>
/// <param name="end">Ends the use.</param>
internal sealed class LocalSnapshot(string folder, Action end) : IDisposable
{
    private Action? _end = end;

    public string Folder => folder;

    public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
}
