using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Chunks;

/// <summary>Content from the cache on this machine's disk, filled from a tier. Each chunk is fetched once however many wait for it. Disposing of it ends what is under way.</summary>
public sealed class LocalContent : IContent, IAsyncDisposable
{
    // After a read that had to wait, the file goes on to be read: up to 16 MiB of it come unasked.
    private const int ReadAheadChunks = 32;

    // Within so many chunks the order of prefetching gives way to fewer requests: a second's worth of a slow link.
    private const int PrefetchWindow = 64;

    private readonly CacheFolder _folder;
    private readonly ChunkFetcher _fetcher;
    private readonly SemaphoreSlim _slots;
    private readonly SemaphoreSlim _prefetchSlots;
    private readonly ConcurrentDictionary<Digest, Flight> _flights = new();
    private readonly ConcurrentDictionary<Digest, Task> _readAhead = new();
    private readonly ConcurrentDictionary<Digest, string> _problems = new();
    private readonly CancellationTokenSource _stop = new();
    private long _fetchedBytes;
    private long _demandFetches;

    /// <summary>Opens the cache.</summary>
    /// <param name="tier">Where what is missing comes from.</param>
    /// <param name="options">Settings.</param>
    /// <param name="time">Times pauses.</param>
    /// <param name="logger">Told of damage and of what cannot be had.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public LocalContent(IObjectTier tier, CacheOptions options, TimeProvider time, ILogger<LocalContent> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBytes, 64L * 1024 * 1024, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.MaxFetches is >= 2 and <= 64, true, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.MaxAttempts is >= 1 and <= 20, true, nameof(options));
        _folder = new CacheFolder(options, logger);
        _fetcher = new ChunkFetcher(tier, options, time, logger);
        _slots = new SemaphoreSlim(options.MaxFetches);
        _prefetchSlots = new SemaphoreSlim(options.MaxFetches / 2);
    }

    /// <summary>Bytes of chunks, not compressed, that came from the tier.</summary>
    public long FetchedBytes => Interlocked.Read(ref _fetchedBytes);

    /// <summary>Requests to the tier that a read waited for.</summary>
    public long DemandFetches => Interlocked.Read(ref _demandFetches);

    /// <summary>Bytes that the cache holds.</summary>
    public long CachedBytes => _folder.Bytes;

    /// <inheritdoc/>
    public int TryRead(ImageIndex index, int blob, long offset, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(index);
        var info = index.GetBlob(blob);
        var length = (int)Math.Clamp(info.SizeBytes - offset, 0, destination.Length);
        for (var done = 0; done < length;)
        {
            var (number, part) = PartAt(in info, offset + done, length - done);
            if (!TryReadChunk(index, in info, number, offset + done, destination.Slice(done, part)))
            {
                return -1;
            }

            done += part;
        }

        return length;
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(ImageIndex index, int blob, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        var info = index.GetBlob(blob);
        var length = (int)Math.Clamp(info.SizeBytes - offset, 0, destination.Length);
        if (length == 0)
        {
            return 0;
        }

        // All that is missing is asked for at once, then read in order.
        var firstNumber = PartAt(in info, offset, 1).Number;
        var lastNumber = PartAt(in info, offset + length - 1, 1).Number;
        var flights = Start(index, blob, firstNumber, lastNumber);
        if (info.ChunkCount > 1 && Array.Exists(flights, static f => f is not null))
        {
            ReadAhead(index, in info, lastNumber + 1);
        }

        for (var done = 0; done < length;)
        {
            var (number, part) = PartAt(in info, offset + done, length - done);
            await ReadChunkAsync(index, blob, info, number, flights[number - firstNumber], offset + done, destination.Slice(done, part), cancellationToken);
            done += part;
        }

        return length;
    }

    /// <inheritdoc/>
    public async Task PrefetchAsync(ImageIndex index, IReadOnlyList<int> chunks, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        ArgumentNullException.ThrowIfNull(chunks);
        var groups = chunks.Chunk(PrefetchWindow).SelectMany(window => Join(index, window)).ToList();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        await Parallel.ForEachAsync(
            groups,
            new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = stop.Token },
            async (group, token) => await PrefetchGroupAsync(index, group, token));
    }

    /// <inheritdoc/>
    public string? CompleteFile(ImageIndex index, int blob)
    {
        ArgumentNullException.ThrowIfNull(index);
        var info = index.GetBlob(blob);
        return info.ChunkCount > 1 && _folder.Find(info.Digest) is { IsComplete: true } entry && AllChecked(index, in info, entry) ? entry.Path : null;
    }

    /// <inheritdoc/>
    public IDisposable Pin(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        var keys = new HashSet<Digest>();
        for (var blob = 0; blob < index.BlobCount; blob++)
        {
            var info = index.GetBlob(blob);
            keys.Add(info.ChunkCount > 1 ? info.Digest : index.GetChunk(info.FirstChunk).Digest);
        }

        _folder.Pin(keys);
        return new Pinned(() => _folder.Unpin(keys));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll([.. _flights.Values.Select(static f => f.Landed.Task), .. _readAhead.Values]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _folder.Dispose();
        _stop.Dispose();
    }

    private static (int Number, int Length) PartAt(in BlobInfo info, long offset, int length)
    {
        if (info.ChunkCount == 1)
        {
            return (0, length);
        }

        var number = (int)(offset / ChunkInfo.MaxBytes);
        return (number, (int)Math.Min(length, ((number + 1L) * ChunkInfo.MaxBytes) - offset));
    }

    private static Digest KeyOf(in BlobInfo info, in ChunkInfo chunk) => info.ChunkCount == 1 ? chunk.Digest : info.Digest;

    private bool IsHere(ImageIndex index, in BlobInfo info, int number) => _folder.Find(KeyOf(in info, index.GetChunk(info.FirstChunk + number)))?.Has(number) == true;

    private bool TryReadChunk(ImageIndex index, in BlobInfo info, int number, long offset, Span<byte> destination)
    {
        var chunk = index.GetChunk(info.FirstChunk + number);
        return _folder.Find(KeyOf(in info, in chunk)) is { } entry && _folder.TryRead(entry, number, in chunk, info.OffsetInChunk + offset, destination);
    }

    private async ValueTask ReadChunkAsync(
        ImageIndex index, int blob, BlobInfo info, int number, Task<byte[]?>? flight, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        // More than once: what is in the cache may be found damaged, or be evicted before it is read.
        var chunk = index.GetChunk(info.FirstChunk + number);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            if (flight is not null && await flight.WaitAsync(cancellationToken) is { } bytes)
            {
                var start = info.ChunkCount == 1 ? info.OffsetInChunk + offset : offset - ((long)number * ChunkInfo.MaxBytes);
                bytes.AsMemory((int)start, destination.Length).CopyTo(destination);
                return;
            }

            if (TryReadChunk(index, in info, number, offset, destination.Span))
            {
                return;
            }

            if (flight is not null && _problems.ContainsKey(chunk.Digest))
            {
                break;
            }

            flight = Start(index, blob, number, number)[0];
        }

        var reason = _problems.TryGetValue(chunk.Digest, out var problem) ? problem : _stop.IsCancellationRequested ? "the file system is being stopped" : "it was evicted as soon as it had come";
        throw new IOException($"Image {index.Id}, file {info.Digest}: the chunk {chunk.Digest} cannot be had: {reason}");
    }

    private bool AllChecked(ImageIndex index, in BlobInfo info, CacheEntry entry)
    {
        Span<byte> one = stackalloc byte[1];
        for (var number = 0; number < info.ChunkCount; number++)
        {
            if (!entry.IsChecked(number) && !_folder.TryRead(entry, number, index.GetChunk(info.FirstChunk + number), (long)number * ChunkInfo.MaxBytes, one))
            {
                return false;
            }
        }

        return true;
    }

    private void ReadAhead(ImageIndex index, in BlobInfo info, int from)
    {
        var to = Math.Min(info.ChunkCount, from + ReadAheadChunks);
        if (from >= to || _readAhead.ContainsKey(info.Digest))
        {
            return;
        }

        var digest = info.Digest;
        var chunks = Enumerable.Range(info.FirstChunk + from, to - from).ToList();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_readAhead.TryAdd(digest, started.Task))
        {
            _ = RunAsync();
        }

        async Task RunAsync()
        {
            await Task.Yield();
            await PrefetchAsync(index, chunks, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _readAhead.TryRemove(digest, out _);
            started.SetResult();
        }
    }

    // Flights for the chunks that a read needs; null for those that are here.
    private Task<byte[]?>?[] Start(ImageIndex index, int blob, int first, int last)
    {
        var info = index.GetBlob(blob);
        var flights = new Task<byte[]?>?[last - first + 1];
        var group = new List<Flight>();
        for (var number = first; number <= last; number++)
        {
            var (flight, isMine) = Register(index, in info, number);
            flights[number - first] = flight?.Landed.Task;
            if (flight is null || !isMine)
            {
                continue;
            }

            if (group.Count > 0 && !ChunkFetcher.Joins(group[0].Chunk, group[^1].Chunk, in flight.Chunk))
            {
                _ = FetchAsync(group, FetchPriority.Demand, _stop.Token);
                group = [];
            }

            group.Add(flight);
        }

        if (group.Count > 0)
        {
            _ = FetchAsync(group, FetchPriority.Demand, _stop.Token);
        }

        return flights;
    }

    // The flight that brings a chunk, and whether it is a new one that the caller has to fetch; null if the chunk is here.
    private (Flight? Flight, bool IsMine) Register(ImageIndex index, in BlobInfo info, int number)
    {
        var chunk = index.GetChunk(info.FirstChunk + number);
        if (IsHere(index, in info, number))
        {
            return (null, false);
        }

        var flight = new Flight(info, number, chunk);
        var known = _flights.GetOrAdd(chunk.Digest, flight);
        return (known, known == flight);
    }

    private static IEnumerable<List<(int Blob, int Number)>> Join(ImageIndex index, int[] chunks)
    {
        var owners = ChunkOwners.Of(index);
        List<(int, int)>? group = null;
        ChunkInfo first = default, last = default;
        foreach (var (place, chunk) in chunks.Select(c => (index.GetChunk(c), c)).OrderBy(p => p.Item1.Pack).ThenBy(p => p.Item1.PackOffset))
        {
            if (group is null || !ChunkFetcher.Joins(in first, in last, in place))
            {
                if (group is not null)
                {
                    yield return group;
                }

                (group, first) = ([], place);
            }

            group.Add(owners[chunk]);
            last = place;
        }

        if (group is not null)
        {
            yield return group;
        }
    }

    private async Task PrefetchGroupAsync(ImageIndex index, IReadOnlyList<(int Blob, int Number)> group, CancellationToken cancellationToken)
    {
        await _prefetchSlots.WaitAsync(cancellationToken);
        var mine = new List<Flight>();
        var others = new List<Task>();
        try
        {
            foreach (var (blob, number) in group)
            {
                var (flight, isMine) = Register(index, index.GetBlob(blob), number);
                if (flight is not null)
                {
                    (isMine ? mine : []).Add(flight);
                    others.Add(flight.Landed.Task);
                }
            }

            if (mine.Count > 0)
            {
                await FetchAsync(mine, FetchPriority.Prefetch, cancellationToken);
            }
        }
        finally
        {
            _prefetchSlots.Release();
        }

        await Task.WhenAll(others).WaitAsync(cancellationToken);
    }

    private async Task FetchAsync(List<Flight> flights, FetchPriority priority, CancellationToken cancellationToken)
    {
        try
        {
            await _slots.WaitAsync(cancellationToken);
            try
            {
                Interlocked.Add(ref _demandFetches, priority == FetchPriority.Demand ? 1 : 0);
                await _fetcher.FetchAsync([.. flights.Select(f => f.Chunk)], (i, bytes, reason) => Land(flights[i], bytes, reason), cancellationToken);
            }
            finally
            {
                _slots.Release();
            }
        }
        finally
        {
            // Those that a cancellation left.
            foreach (var flight in flights)
            {
                _flights.TryRemove(KeyValuePair.Create(flight.Chunk.Digest, flight));
                flight.Landed.TrySetResult(null);
            }
        }
    }

    private void Land(Flight flight, byte[]? bytes, string reason)
    {
        if (bytes is null)
        {
            _problems[flight.Chunk.Digest] = reason;
        }
        else
        {
            _problems.TryRemove(flight.Chunk.Digest, out _);
            Interlocked.Add(ref _fetchedBytes, bytes.Length);
            _folder.TryStore(in flight.Blob, flight.Number, in flight.Chunk, bytes);
        }

        // First the cache, then the end of the flight: whoever finds no flight finds the chunk.
        _flights.TryRemove(KeyValuePair.Create(flight.Chunk.Digest, flight));
        flight.Landed.TrySetResult(bytes);
    }

    private sealed class Flight(BlobInfo blob, int number, ChunkInfo chunk)
    {
        public readonly BlobInfo Blob = blob;
        public readonly ChunkInfo Chunk = chunk;

        public int Number { get; } = number;

        /// <summary>Its bytes; null if they cannot be had, or the flight was called off.</summary>
        public TaskCompletionSource<byte[]?> Landed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Pinned(Action undo) : IDisposable
    {
        private Action? _undo = undo;

        public void Dispose() => Interlocked.Exchange(ref _undo, null)?.Invoke();
    }
}
