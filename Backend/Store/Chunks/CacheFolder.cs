using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Chunks;

/// <summary>
/// Chunks on this machine's disk, not compressed: <c>chunks/</c> has a file for each chunk that holds a whole file or several, <c>files/</c> one for each content of several chunks,
/// with holes where a chunk is missing, and beside it which are there. A kill at any time leaves nothing that is taken for something else: names appear by rename, and bits after
/// their bytes. After a crash of the machine bytes may be missing all the same, so what is found then is compared with its digest before it is used.
/// </summary>
internal sealed class CacheFolder : IDisposable
{
    private const int ErrorNoSpace = 28;
    private const int ErrorQuota = 122;
    private const string MapSuffix = ".map";

    // A process may have 20,000 descriptors on a usual machine, and other things need some.
    private const int MaxOpen = 4096;

    private readonly CacheOptions _options;
    private readonly ILogger _logger;
    private readonly string _chunks;
    private readonly string _files;
    private readonly string _temporary;
    private readonly string _inUse;
    private readonly bool _distrusted;
    private readonly ConcurrentDictionary<Digest, CacheEntry> _entries = new();
    private readonly ConcurrentDictionary<Digest, int> _pins = new();
    private readonly Lock _evicting = new();
    private long _bytes;
    private int _open;
    private long _lastComplaint = -60_000;

    public CacheFolder(CacheOptions options, ILogger logger)
    {
        (_options, _logger) = (options, logger);
        var root = Path.GetFullPath(options.Directory);
        (_chunks, _files, _temporary, _inUse) = (Path.Combine(root, "chunks"), Path.Combine(root, "files"), Path.Combine(root, "tmp"), Path.Combine(root, "in-use"));
        foreach (var folder in new[] { root, _chunks, _files, _temporary })
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        foreach (var file in Directory.EnumerateFiles(_temporary))
        {
            File.Delete(file);
        }

        _distrusted = File.Exists(_inUse);
        File.WriteAllBytes(_inUse, []);
        Load();
    }

    /// <summary>Bytes on disk.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public CacheEntry? Find(Digest key) => _entries.GetValueOrDefault(key);

    /// <summary>Reads from one chunk.</summary>
    /// <param name="entry">The file.</param>
    /// <param name="number">Which of its chunks.</param>
    /// <param name="chunk">What that chunk must be.</param>
    /// <param name="position">Where in the file; the bytes lie in that chunk.</param>
    /// <param name="destination">Filled.</param>
    /// <returns>False if the chunk is not there, or was damaged and is gone now.</returns>
    public bool TryRead(CacheEntry entry, int number, in ChunkInfo chunk, long position, Span<byte> destination)
    {
        if (!entry.Has(number) || entry.IsGone)
        {
            return false;
        }

        entry.Touch();
        try
        {
            var handle = entry.Handle ?? Open(entry, in chunk);
            if (handle is null || (!entry.IsChecked(number) && !Check(entry, handle, number, in chunk)))
            {
                return false;
            }

            while (!destination.IsEmpty)
            {
                var read = RandomAccess.Read(handle, destination, position);
                if (read == 0)
                {
                    Discard(entry, number, in chunk, "it is too short");
                    return false;
                }

                destination = destination[read..];
                position += read;
            }

            return true;
        }
        catch (ObjectDisposedException)
        {
            // It was evicted or closed just now.
            return false;
        }
        catch (IOException e)
        {
            Discard(entry, number, in chunk, e.Message);
            return false;
        }
    }

    /// <summary>Keeps a chunk that was verified.</summary>
    /// <param name="blob">The content it belongs to.</param>
    /// <param name="number">Which chunk of it.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <returns>False if there is no room: the bytes have to be used without the cache.</returns>
    public bool TryStore(in BlobInfo blob, int number, in ChunkInfo chunk, ReadOnlySpan<byte> bytes)
    {
        if (!MakeRoom(bytes.Length))
        {
            Complain("everything in it is in use");
            return false;
        }

        try
        {
            if (blob.ChunkCount == 1)
            {
                StoreChunk(in chunk, bytes);
            }
            else
            {
                StorePart(in blob, number, bytes);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Complain((e.HResult & 0xFFFF) is ErrorNoSpace or ErrorQuota ? "the disk is full" : e.Message);
            return false;
        }
    }

    /// <summary>Keeps files from eviction.</summary>
    public void Pin(IEnumerable<Digest> keys)
    {
        foreach (var key in keys)
        {
            _pins.AddOrUpdate(key, 1, static (_, count) => count + 1);
        }
    }

    /// <summary>Undoes one <see cref="Pin"/>.</summary>
    public void Unpin(IEnumerable<Digest> keys)
    {
        foreach (var key in keys)
        {
            if (_pins.AddOrUpdate(key, 0, static (_, count) => count - 1) <= 0)
            {
                _pins.TryRemove(KeyValuePair.Create(key, 0));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var entry in _entries.Values)
        {
            entry.Handle?.Dispose();
        }

        // All that was written is in the kernel's hands; a crash of the machine after this is as one before the next start.
        File.Delete(_inUse);
    }

    private string ChunkPath(Digest digest) => PathOf(_chunks, digest);

    private static string PathOf(string folder, Digest digest)
    {
        var text = digest.ToString();
        return Path.Combine(folder, text[..2], text);
    }

    private void Load()
    {
        foreach (var file in new DirectoryInfo(_chunks).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            if (Digest.TryParse(file.Name, out var digest) && file.Length is > 0 and <= ChunkInfo.MaxBytes)
            {
                var entry = new CacheEntry(digest, file.FullName, 1) { SizeBytes = file.Length };
                entry.Add(0, isChecked: false);
                _entries[digest] = entry;
                _bytes += file.Length;
            }
        }

        foreach (var map in new DirectoryInfo(_files).EnumerateFiles("*" + MapSuffix, SearchOption.AllDirectories))
        {
            LoadPart(map);
        }
    }

    private void LoadPart(FileInfo map)
    {
        var file = new FileInfo(map.FullName[..^MapSuffix.Length]);
        var count = file.Exists && file.Length > ChunkInfo.MaxBytes ? IndexLayout.ChunkCountOf(file.Length) : 0;
        if (count == 0 || !Digest.TryParse(file.Name, out var digest) || map.Length > ((count + 63) / 64 * 8))
        {
            file.Delete();
            map.Delete();
            return;
        }

        var entry = new CacheEntry(digest, file.FullName, count);
        var bits = new ulong[(count + 63) / 64];
        using (var stream = map.OpenRead())
        {
            stream.ReadAtLeast(MemoryMarshal.AsBytes(bits.AsSpan()), (int)map.Length, throwOnEndOfStream: false);
        }

        for (var c = 0; c < count; c++)
        {
            if ((bits[c >> 6] >> c & 1) != 0)
            {
                entry.Add(c, isChecked: !_distrusted);
                entry.SizeBytes += Math.Min(ChunkInfo.MaxBytes, file.Length - ((long)c * ChunkInfo.MaxBytes));
            }
        }

        _entries[digest] = entry;
        _bytes += entry.SizeBytes;
    }

    private SafeFileHandle? Open(CacheEntry entry, in ChunkInfo chunk)
    {
        lock (entry.Gate)
        {
            if (entry.Handle is { } open)
            {
                return open;
            }

            if (entry.IsGone)
            {
                return null;
            }

            SafeFileHandle handle;
            try
            {
                handle = File.OpenHandle(entry.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                Forget(entry);
                return null;
            }

            // Whole, as it is small and its files are read together: from here on its pages are in memory.
            if (entry.ChunkCount == 1 && !IsRight(handle, 0, in chunk))
            {
                handle.Dispose();
                Log.ChunkDamaged(_logger, chunk.Digest, entry.Path, "its digest does not match");
                Delete(entry);
                return null;
            }

            entry.Handle = handle;
        }

        if (Interlocked.Increment(ref _open) > MaxOpen)
        {
            CloseOldest();
        }

        return entry.Handle;
    }

    private bool Check(CacheEntry entry, SafeFileHandle handle, int number, in ChunkInfo chunk)
    {
        if (!IsRight(handle, (long)number * ChunkInfo.MaxBytes, in chunk))
        {
            Discard(entry, number, in chunk, "its digest does not match");
            return false;
        }

        lock (entry.Gate)
        {
            entry.Add(number, isChecked: true);
        }

        return true;
    }

    private static bool IsRight(SafeFileHandle handle, long position, in ChunkInfo chunk)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(chunk.SizeBytes);
        try
        {
            var bytes = buffer.AsSpan(0, chunk.SizeBytes);
            return Reading.Fill(handle, position, bytes) == bytes.Length && Digest.Of(bytes) == chunk.Digest;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Discard(CacheEntry entry, int number, in ChunkInfo chunk, string reason)
    {
        Log.ChunkDamaged(_logger, chunk.Digest, entry.Path, reason);
        lock (entry.Gate)
        {
            if (entry.ChunkCount == 1)
            {
                Delete(entry);
                return;
            }

            entry.Remove(number);
            WriteMap(entry, number);
        }
    }

    private void StoreChunk(in ChunkInfo chunk, ReadOnlySpan<byte> bytes)
    {
        var path = ChunkPath(chunk.Digest);
        var temporary = Path.Combine(_temporary, Guid.NewGuid().ToString("N"));
        try
        {
            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, bytes, 0);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }

        var entry = new CacheEntry(chunk.Digest, path, 1) { SizeBytes = bytes.Length };
        entry.Add(0, isChecked: true);
        if (_entries.TryAdd(chunk.Digest, entry))
        {
            Interlocked.Add(ref _bytes, bytes.Length);
        }
    }

    private void StorePart(in BlobInfo blob, int number, ReadOnlySpan<byte> bytes)
    {
        var entry = _entries.GetOrAdd(blob.Digest, static (digest, s) => new CacheEntry(digest, PathOf(s.Files, digest), s.Count), (Files: _files, Count: blob.ChunkCount));
        lock (entry.Gate)
        {
            if (entry.IsGone || entry.Has(number))
            {
                return;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(entry.Path)!);
            using (var file = File.OpenHandle(entry.Path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            {
                if (RandomAccess.GetLength(file) != blob.SizeBytes)
                {
                    RandomAccess.SetLength(file, blob.SizeBytes);
                }

                RandomAccess.Write(file, bytes, (long)number * ChunkInfo.MaxBytes);
            }

            entry.Add(number, isChecked: true);
            WriteMap(entry, number);
            entry.SizeBytes += bytes.Length;
        }

        Interlocked.Add(ref _bytes, bytes.Length);
    }

    private static void WriteMap(CacheEntry entry, int number)
    {
        using var map = File.OpenHandle(entry.Path + MapSuffix, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(map, MemoryMarshal.AsBytes(entry.Present.Slice(number >> 6, 1)), (number >> 6) * sizeof(ulong));
    }

    private bool MakeRoom(int bytes)
    {
        if (Bytes + bytes <= _options.MaxBytes)
        {
            return true;
        }

        lock (_evicting)
        {
            if (Bytes + bytes <= _options.MaxBytes)
            {
                return true;
            }

            // A tenth more than needed: sorting everything for each chunk would cost more than the chunk.
            var goal = Math.Max(0, (_options.MaxBytes / 10 * 9) - bytes);
            foreach (var entry in _entries.Values.Where(e => !_pins.ContainsKey(e.Key)).OrderBy(static e => e.LastUse).ToList())
            {
                if (Bytes <= goal)
                {
                    break;
                }

                lock (entry.Gate)
                {
                    Delete(entry);
                }
            }
        }

        return Bytes + bytes <= _options.MaxBytes;
    }

    // Under the entry's gate. Those who have it open read on: the file is gone only when they close it.
    private void Delete(CacheEntry entry)
    {
        Forget(entry);
        File.Delete(entry.Path);
        if (entry.ChunkCount > 1)
        {
            File.Delete(entry.Path + MapSuffix);
        }
    }

    private void Forget(CacheEntry entry)
    {
        if (entry.IsGone)
        {
            return;
        }

        entry.IsGone = true;
        _entries.TryRemove(KeyValuePair.Create(entry.Key, entry));
        Interlocked.Add(ref _bytes, -entry.SizeBytes);
        Close(entry);
    }

    private void CloseOldest()
    {
        foreach (var entry in _entries.Values.Where(static e => e.Handle is not null).OrderBy(static e => e.LastUse).Take(MaxOpen / 4).ToList())
        {
            lock (entry.Gate)
            {
                Close(entry);
            }
        }
    }

    private void Close(CacheEntry entry)
    {
        if (entry.Handle is { } handle)
        {
            entry.Handle = null;
            Interlocked.Decrement(ref _open);
            handle.Dispose();
        }
    }

    private void Complain(string reason)
    {
        var now = Environment.TickCount64;
        var last = Interlocked.Read(ref _lastComplaint);
        if (now - last > 60_000 && Interlocked.CompareExchange(ref _lastComplaint, now, last) == last)
        {
            Log.NotCached(_logger, _options.Directory, reason);
        }
    }
}
