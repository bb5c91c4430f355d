using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Packs;

namespace Modal.Backend.Store.Chunks;

/// <summary>Gets chunks from a tier: neighbours in a pack in one request, with patience, and each compared with its digest.</summary>
internal sealed class ChunkFetcher(IObjectTier tier, CacheOptions options, TimeProvider time, ILogger logger)
{
    /// <summary>The most that one request asks for: 4 MiB, which hides the latency of a request and still lets four of them share a link.</summary>
    public const int MaxRequestBytes = 4 * 1024 * 1024;

    // Reading a little too much is quicker than another request.
    private const int MaxGapBytes = 64 * 1024;

    private static readonly TimeSpan s_maxDelay = TimeSpan.FromSeconds(3);

    /// <summary>Whether a chunk can share a request that begins with one and ends with another.</summary>
    public static bool Joins(in ChunkInfo first, in ChunkInfo last, in ChunkInfo next)
    {
        var gap = next.PackOffset - last.PackOffset - last.StoredBytes;
        return next.Pack == first.Pack && gap is >= 0 and <= MaxGapBytes && next.PackOffset + next.StoredBytes - first.PackOffset <= MaxRequestBytes;
    }

    /// <summary>Fetches chunks that lie one after another in one pack.</summary>
    /// <param name="chunks">In the order of their places.</param>
    /// <param name="deliver">Called for each: its position in <paramref name="chunks"/> and its bytes, or why it cannot be had.</param>
    /// <param name="cancellationToken">Ends it; those not delivered yet are not.</param>
    public async Task FetchAsync(IReadOnlyList<ChunkInfo> chunks, Action<int, byte[]?, string> deliver, CancellationToken cancellationToken)
    {
        var start = chunks[0].PackOffset;
        var stored = new byte[chunks[^1].PackOffset + chunks[^1].StoredBytes - start];
        var key = ObjectKeys.Pack(chunks[0].Pack);
        var problem = await ReadAsync(key, start, stored, cancellationToken);
        for (var i = 0; i < chunks.Count; i++)
        {
            var chunk = chunks[i];
            var bytes = problem is null ? Unpack(in chunk, stored.AsSpan((int)(chunk.PackOffset - start), chunk.StoredBytes)) : null;
            var reason = problem;
            if (problem is null && bytes is null)
            {
                // Damaged on the way or where it lies: the second reading tells.
                Log.WrongBytes(logger, tier.Name, key, chunk.Digest);
                var again = new byte[chunk.StoredBytes];
                reason = await ReadAsync(key, chunk.PackOffset, again, cancellationToken);
                bytes = reason is null ? Unpack(in chunk, again) : null;
                reason ??= $"{tier.Name}: {key} has other bytes than it should where the chunk {chunk.Digest} lies";
            }

            if (bytes is null)
            {
                Log.ChunkUnavailable(logger, chunk.Digest, reason!);
            }

            deliver(i, bytes, reason ?? "");
        }
    }

    private static byte[]? Unpack(in ChunkInfo chunk, ReadOnlySpan<byte> frame)
    {
        var bytes = new byte[chunk.SizeBytes];
        using var codec = FrameCodec.Rent();
        return codec.TryUnpack(in chunk, frame, bytes) ? bytes : null;
    }

    // Null if it worked; else why it did not.
    private async Task<string?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            string problem;
            try
            {
                var length = await tier.ReadAsync(key, offset, destination, cancellationToken);
                if (length == destination.Length)
                {
                    return null;
                }

                problem = length is null ? $"{tier.Name}: {key} is not there" : $"{tier.Name}: {key} ends {destination.Length - length} bytes early";
            }
            catch (TierException e)
            {
                problem = e.Message;
            }

            if (attempt >= options.MaxAttempts)
            {
                return $"{problem} ({attempt} attempts)";
            }

            Log.ReadFailed(logger, tier.Name, key, attempt, options.MaxAttempts, problem);

            // With some chance in it, so that those that failed together do not come back together.
            var delay = Math.Min(options.RetryDelay.TotalMilliseconds * (1 << Math.Min(attempt - 1, 10)), s_maxDelay.TotalMilliseconds);
            await Task.Delay(TimeSpan.FromMilliseconds(delay * (0.5 + Random.Shared.NextDouble())), time, cancellationToken);
        }
    }
}
