using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Modal.Backend.Store.Blobs;

/// <summary>
/// Whole files named by the SHA-256 of their bytes, in one folder. A blob becomes visible by a rename when all its bytes are written and checked, so that
/// neither a full disk nor a killed process leaves half of one. Safe from many threads, and from several processes on one folder.
/// </summary>
public sealed class BlobStore
{
    // EDQUOT is what a full quota says; to the caller it is the same as a full disk.
    private const int ErrorNoSpace = 28;
    private const int ErrorQuota = 122;
    private const int BufferBytes = 128 * 1024;
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // Sandboxes that run as another user map these files, and nobody may change them under their digest.
    private const UnixFileMode BlobMode = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // Tells this process's files from those of a dead one that had the same process id.
    private static readonly string s_writer = $"{Environment.ProcessId}-{Guid.NewGuid():N}";

    private readonly string _directory;
    private readonly string _temporary;
    private readonly bool _durable;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _writing = new(StringComparer.Ordinal);

    /// <summary>Opens the folder and removes what an earlier process left half written.</summary>
    /// <param name="options">Where, and how durable.</param>
    /// <exception cref="ArgumentException">No directory is set.</exception>
    public BlobStore(BlobStoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.Directory, nameof(options));
        _directory = Path.GetFullPath(options.Directory);
        _durable = options.Durable;
        // Inside the store's folder: a rename is atomic only within one file system.
        _temporary = Path.Combine(_directory, "tmp");
        Directory.CreateDirectory(_directory, FolderMode);
        Directory.CreateDirectory(_temporary, FolderMode);
        SweepTemporary();
    }

    /// <summary>Whether the blob is stored.</summary>
    /// <param name="digest">A valid digest.</param>
    public bool Has(string digest) => File.Exists(GetPath(digest));

    /// <summary>Those that are not stored, in the order given.</summary>
    /// <param name="digests">Valid digests.</param>
    public IEnumerable<string> FindMissing(IEnumerable<string> digests) => digests.Where(d => !Has(d));

    /// <summary>The file of a blob, there or not. Its bytes must not be changed.</summary>
    /// <param name="digest">A valid digest.</param>
    /// <exception cref="ArgumentException">The digest is not 64 lower-case hexadecimal letters.</exception>
    public string GetPath(string digest) => BlobDigest.IsValid(digest)
        ? Path.Combine(_directory, digest[..2], digest[2..])
        : throw new ArgumentException($"'{digest}' is not a digest: 64 lower-case hexadecimal letters are.", nameof(digest));

    /// <summary>Opens a blob for reading.</summary>
    /// <param name="digest">A valid digest.</param>
    /// <returns>The stream, which the caller disposes; null if the blob is not stored.</returns>
    public FileStream? OpenRead(string digest)
    {
        try
        {
            return new FileStream(GetPath(digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferBytes, useAsync: true);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Stores bytes under their digest. Of several that store the same at once, one writes and the others wait for it.</summary>
    /// <param name="digest">The digest that the bytes must have.</param>
    /// <param name="content">The bytes, read to their end unless the blob exists.</param>
    /// <param name="cancellationToken">Ends the attempt; nothing is stored then.</param>
    public async Task<BlobPutResult> PutAsync(string digest, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var path = GetPath(digest);
        while (!File.Exists(path))
        {
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var first = _writing.GetOrAdd(digest, mine);
            if (first != mine)
            {
                // Its content may turn out wrong; then the loop makes this one the writer.
                await first.Task.WaitAsync(cancellationToken);
                continue;
            }

            try
            {
                return await WriteAsync(digest, path, content, cancellationToken);
            }
            finally
            {
                _writing.TryRemove(digest, out _);
                mine.SetResult();
            }
        }

        return BlobPutResult.Existed;
    }

    /// <summary>Reads a blob again and compares its bytes with its digest. A damaged one is removed, so that it counts as missing and is sent again.</summary>
    /// <param name="digest">A valid digest.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>True if it is stored and right.</returns>
    public async Task<bool> VerifyAsync(string digest, CancellationToken cancellationToken)
    {
        var file = OpenRead(digest);
        if (file is null)
        {
            return false;
        }

        await using (file)
        {
            if (Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken)) == digest)
            {
                return true;
            }
        }

        File.Delete(GetPath(digest));
        return false;
    }

    private async Task<BlobPutResult> WriteAsync(string digest, string path, Stream content, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_temporary, $"{s_writer}-{Guid.NewGuid():N}");
        try
        {
            if (await CopyAsync(content, temporary, cancellationToken) != digest)
            {
                return BlobPutResult.WrongDigest;
            }

            File.SetUnixFileMode(temporary, BlobMode);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, FolderMode);
            File.Move(temporary, path, overwrite: true);
            return BlobPutResult.Stored;
        }
        catch (IOException e) when ((e.HResult & 0xFFFF) is ErrorNoSpace or ErrorQuota)
        {
            return BlobPutResult.DiskFull;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async Task<string> CopyAsync(Stream content, string temporary, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            await using var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true);
            int length;
            while ((length = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                hash.AppendData(buffer, 0, length);
                await file.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
            }

            file.Flush(flushToDisk: _durable);
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void SweepTemporary()
    {
        foreach (var file in Directory.EnumerateFiles(_temporary))
        {
            var name = Path.GetFileName(file);
            var alive = int.TryParse(name.Split('-')[0], System.Globalization.CultureInfo.InvariantCulture, out var pid)
                && (pid == Environment.ProcessId ? name.StartsWith(s_writer, StringComparison.Ordinal) : Directory.Exists($"/proc/{pid}"));
            if (!alive)
            {
                File.Delete(file);
            }
        }
    }
}
