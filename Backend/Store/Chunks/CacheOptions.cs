namespace Modal.Backend.Store.Chunks;

/// <summary>Settings of the cache of chunks on this machine's disk.</summary>
public sealed class CacheOptions
{
    /// <summary>Where it lies. Required; one process at a time.</summary>
    public required string Directory { get; init; }

    /// <summary>How many bytes it may hold. Default 20 GiB, at least 64 MiB. What is pinned is never evicted; if only that is left, new chunks are not kept.</summary>
    public long MaxBytes { get; init; } = 20L * 1024 * 1024 * 1024;

    /// <summary>How many requests to the tier run at once, from 2 to 64. Default 24. Prefetching uses at most half: twelve requests of some 200 KB each hide a latency of milliseconds; the rest is for reads that wait.</summary>
    public int MaxFetches { get; init; } = 24;

    /// <summary>How often a request is tried, from 1 to 20. Default 6: with pauses that double from 100 ms, about six seconds.</summary>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>The first pause between attempts. Default 100 ms.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(100);
}
