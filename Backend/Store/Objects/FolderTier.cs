using System.Runtime.CompilerServices;

namespace Modal.Backend.Store.Objects;

/// <summary>Objects as files: <c>kind/na/name</c>, where <c>na</c> are the name's first two letters. Several processes may use one folder.</summary>
public sealed class FolderTier : IObjectTier
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode ObjectMode = UnixFileMode.UserRead;

    // What a writer left that has been dead for so long is not needed by anyone.
    private static readonly TimeSpan s_abandoned = TimeSpan.FromHours(24);

    private readonly string _root;
    private readonly string _temporary;
    private readonly bool _durable;

    /// <summary>Opens a folder, made if need be, and removes what writers left half written a day ago.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="durable">Whether an object survives a power cut once it is stored: costs a few milliseconds for each. Default false.</param>
    public FolderTier(string path, bool durable = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _root = Path.GetFullPath(path);
        _durable = durable;

        // Inside the folder: a rename is atomic only within one file system.
        _temporary = Path.Combine(_root, "tmp");
        Directory.CreateDirectory(_root, FolderMode);
        Directory.CreateDirectory(_temporary, FolderMode);
        foreach (var file in Directory.EnumerateFiles(_temporary).Where(f => DateTime.UtcNow - File.GetLastWriteTimeUtc(f) > s_abandoned))
        {
            File.Delete(file);
        }
    }

    /// <inheritdoc/>
    public string Name => $"folder {_root}";

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return Task.FromResult<IReadOnlyList<string>>([.. keys.Where(k => new FileInfo(PathOf(k)) is var file && (!file.Exists || file.LastWriteTimeUtc < storedSince))]);
    }

    /// <inheritdoc/>
    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(key));
        return Task.FromResult<long?>(file.Exists ? file.Length : null);
    }

    /// <inheritdoc/>
    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        try
        {
            using var file = File.OpenHandle(PathOf(key), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var length = 0;
            while (length < destination.Length && await RandomAccess.ReadAsync(file, destination[length..], offset + length, cancellationToken) is var read and > 0)
            {
                length += read;
            }

            return length;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TierException($"{Name}: {key} could not be read: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var path = PathOf(key);
        var temporary = Path.Combine(_temporary, Guid.NewGuid().ToString("N"));
        try
        {
            await using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = ObjectMode }))
            {
                await content.CopyToAsync(file, cancellationToken);
                file.Flush(_durable);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!, FolderMode);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var isFull = TierException.SaysFull(e);
            throw new TierException($"{Name}: {key} could not be stored: {(isFull ? "the disk is full" : e.Message)}", e) { IsFull = isFull };
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Off the caller's thread: a large store has a hundred thousand objects.
        var files = await Task.Run(() => List(kind), cancellationToken);
        foreach (var file in files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return file;
        }
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            File.Delete(PathOf(key));
            return Task.CompletedTask;
        }
        catch (DirectoryNotFoundException)
        {
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TierException($"{Name}: {key} could not be removed: {e.Message}", e);
        }
    }

    private List<ObjectInfo> List(string kind)
    {
        ObjectKeys.CheckPart(kind);
        var folder = new DirectoryInfo(Path.Combine(_root, kind));
        return folder.Exists
            ? [.. folder.EnumerateFiles("*", SearchOption.AllDirectories).Where(f => f.Exists).Select(f => new ObjectInfo($"{kind}/{f.Name}", f.Length, f.LastWriteTimeUtc))]
            : [];
    }

    private string PathOf(string key)
    {
        var (kind, name) = ObjectKeys.Split(key);
        return Path.Combine(_root, kind, name[..Math.Min(2, name.Length)], name);
    }
}
