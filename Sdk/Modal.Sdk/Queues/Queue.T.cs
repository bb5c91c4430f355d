using System.Runtime.CompilerServices;
using Google.Protobuf;
using Modal.Protocol;
using Modal.Queues;

namespace Modal;

/// <summary>
/// A queue on the server, which programs and functions share: first in, first out. It has partitions, each a queue of its own by a name of up to 64 bytes; null is the default one. At most 100,000 partitions
/// of 5,000 items of 1 MiB; a partition is cleared 24 hours after its last put, or after the time that the put says. What was put is on the server's disk when the task completes, and an item that was
/// given to somebody is gone. Operations that are under way at the same time have no order among them. Safe for many threads.
/// </summary>
/// <remarks>Where <c>System.Collections.Generic</c> is imported too, write <c>Modal.Queue&lt;T&gt;</c>, or <c>var</c> and <see cref="Queue.FromName{T}"/>.</remarks>
/// <typeparam name="T">The type of the items.</typeparam>
#pragma warning disable CA1711 // It is what the name says.
public sealed class Queue<T> : IAsyncDisposable
#pragma warning restore CA1711
{
    // Room comes when somebody takes an item: soon if the queue is in use, and then it must not be asked for all the time.
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_maxPause = TimeSpan.FromSeconds(1);

    private readonly QueueConnection _connection;
    private readonly string _name;

    internal Queue(QueueConnection connection, string name) => (_connection, _name) = (connection, name);

    /// <summary>Puts an item at the end.</summary>
    /// <param name="item">The item.</param>
    /// <param name="partition">The partition; null, the default, means the default one.</param>
    /// <param name="timeout">How long to wait for room in a partition that is full. Null, the default, means for ever; zero does not wait.</param>
    /// <param name="partitionTtl">The partition is cleared that long after the last put, 1 second to 7 days. Null, the default, means 24 hours.</param>
    /// <param name="cancellationToken">Ends the wait for room; what is under way is waited for.</param>
    /// <exception cref="LimitExceededException">There was no room in time.</exception>
    /// <exception cref="InvalidRequestException">The item is too large, or the partition's name.</exception>
    public Task PutAsync(T item, string? partition = null, TimeSpan? timeout = null, TimeSpan? partitionTtl = null, CancellationToken cancellationToken = default) =>
        PutManyAsync([item], partition, timeout, partitionTtl, cancellationToken);

    /// <summary>Puts items at the end, all or none, one right after the other.</summary>
    /// <param name="items">The items, at most 5,000.</param>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="timeout">As in <see cref="PutAsync"/>.</param>
    /// <param name="partitionTtl">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">As in <see cref="PutAsync"/>.</param>
    /// <exception cref="LimitExceededException">There was no room in time.</exception>
    /// <exception cref="InvalidRequestException">An item is too large, or the partition's name, or all together for one message, 48 MiB.</exception>
    public async Task PutManyAsync(IEnumerable<T> items, string? partition = null, TimeSpan? timeout = null, TimeSpan? partitionTtl = null, CancellationToken cancellationToken = default)
    {
        const int MaxItems = 5_000;
        const int MaxBytes = 48 * 1024 * 1024;
        ArgumentNullException.ThrowIfNull(items);
        var put = new QueuePut { Partition = partition ?? "", PartitionTtlMs = partitionTtl is { } ttl ? Math.Max(1, (long)ttl.TotalMilliseconds) : 0 };
        put.Items.AddRange(items.Select(i => UnsafeByteOperations.UnsafeWrap(ValueCodec<T>.Write(i, $"An item of {_name}"))));
        if (put.Items.Count > MaxItems || put.CalculateSize() > MaxBytes)
        {
            throw new InvalidRequestException($"{put.Items.Count} items of {put.CalculateSize()} bytes cannot be put into {_name} at once: at most {MaxItems} of {MaxBytes} bytes are allowed.");
        }

        var begun = TimeProvider.System.GetTimestamp();
        for (var pause = s_firstPause; put.Items.Count > 0; pause = pause * 2 < s_maxPause ? pause * 2 : s_maxPause)
        {
            if (await _connection.TryPutAsync(put, cancellationToken).ConfigureAwait(false) is not { } full)
            {
                return;
            }

            if (timeout - TimeProvider.System.GetElapsedTime(begun) <= TimeSpan.Zero)
            {
                throw new LimitExceededException(full);
            }

            await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the oldest item; waits for one if there is none.</summary>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="timeout">How long to wait. Null, the default, means for ever; zero does not wait.</param>
    /// <param name="cancellationToken">Ends the wait; the item then goes to others.</param>
    /// <exception cref="DeadlineException">There was none in time.</exception>
    public async Task<T> GetAsync(string? partition = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        await GetManyAsync(1, timeout, partition, cancellationToken).ConfigureAwait(false) is [var item]
            ? item
            : throw new DeadlineException($"No item came into {_name} within {(timeout ?? TimeSpan.Zero).TotalSeconds:0.###} s.");

    /// <summary>Takes the oldest item if there is one.</summary>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">Keeps it from being sent; what is under way is waited for.</param>
    public async Task<(bool Found, T? Item)> TryGetAsync(string? partition = null, CancellationToken cancellationToken = default) =>
        await GetManyAsync(1, TimeSpan.Zero, partition, cancellationToken).ConfigureAwait(false) is [var item] ? (true, item) : (false, default);

    /// <summary>Takes the oldest items, as many as there are; waits if there is none.</summary>
    /// <param name="count">At most that many, 1 to 1,000; fewer if they are large together, 32 MiB.</param>
    /// <param name="timeout">How long to wait for the first. Null, the default, means for ever; zero does not wait.</param>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">Ends the wait; the items then go to others.</param>
    /// <returns>The items, the oldest first; none if there was none in time.</returns>
    public async Task<IReadOnlyList<T>> GetManyAsync(int count, TimeSpan? timeout = null, string? partition = null, CancellationToken cancellationToken = default)
    {
        const int MaxCount = 1_000;
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCount);
        var items = timeout <= TimeSpan.Zero
            ? await _connection.GetAsync(partition ?? "", count, cancellationToken).ConfigureAwait(false)
            : await _connection.WaitAsync(partition ?? "", count, timeout, cancellationToken).ConfigureAwait(false);
        return [.. items.Select(Read)];
    }

    /// <summary>How many items a partition has.</summary>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task<long> LengthAsync(string? partition = null, CancellationToken cancellationToken = default) =>
        _connection.LengthAsync(new QueueLength { Partition = partition ?? "" }, cancellationToken);

    /// <summary>How many items all partitions have.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task<long> TotalLengthAsync(CancellationToken cancellationToken = default) => _connection.LengthAsync(new QueueLength { All = true }, cancellationToken);

    /// <summary>Removes all items of a partition.</summary>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <returns>How many there were.</returns>
    public Task<long> ClearAsync(string? partition = null, CancellationToken cancellationToken = default) => _connection.ClearAsync(new QueueClear { Partition = partition ?? "" }, cancellationToken);

    /// <summary>Removes all items of all partitions.</summary>
    /// <param name="cancellationToken">Keeps it from being sent.</param>
    /// <returns>How many there were.</returns>
    public Task<long> ClearAllAsync(CancellationToken cancellationToken = default) => _connection.ClearAsync(new QueueClear { All = true }, cancellationToken);

    /// <summary>The items of a partition, the oldest first, which stay in the queue; fetched as they are needed. What changes meanwhile may be missed or seen.</summary>
    /// <param name="partition">As in <see cref="PutAsync"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<T> IterateAsync(string? partition = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var item in _connection.IterateAsync(partition ?? "", cancellationToken).ConfigureAwait(false))
        {
            yield return Read(item);
        }
    }

    /// <summary>Removes an ephemeral queue; one with a name stays.</summary>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private T Read(ByteString bytes) => ValueCodec<T>.Read(bytes.Span, $"An item of {_name}");
}
