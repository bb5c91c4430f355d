using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Queues;

/// <summary>
/// What a batch of calls does to a queue, as one transaction of the database. It changes nothing but the database: partitions and waiting calls as they are afterwards are taken over by
/// the <see cref="QueueCore"/> when the transaction is on disk, and thrown away with it if it fails.
/// </summary>
internal sealed class QueueTransaction(string queueId, BatchCommands commands, IReadOnlyDictionary<string, QueuePartition> before, IReadOnlyList<QueueCall> waiting, long lastSeq, long nowMs)
{
    private readonly Dictionary<string, QueuePartition> _changed = new(StringComparer.Ordinal);
    private readonly List<QueueCall> _waiting = [.. waiting];
    private readonly List<(QueueCall Call, QueueBatchReply Reply)> _answers = [];
    private readonly List<QueueCall> _replaced = [];
    private int _partitions = before.Count;

    /// <summary>Partitions that are not as they were; the default is one that is gone. One without items stays until its time is over, so that the next put need not make it again.</summary>
    public IReadOnlyDictionary<string, QueuePartition> Changed => _changed;

    /// <summary>Calls that go on waiting, the first come first.</summary>
    public IReadOnlyList<QueueCall> Waiting => _waiting;

    /// <summary>Calls that wait no longer, since their client has sent them again.</summary>
    public IReadOnlyList<QueueCall> Replaced => _replaced;

    public IReadOnlyList<(QueueCall Call, QueueBatchReply Reply)> Answers => _answers;

    public long LastSeq { get; private set; } = lastSeq;

    public async Task RunAsync(QueueCall call)
    {
        var batch = call.Batch;
        await AnsweredRequests.ForgetAsync(commands, queueId, batch.FinishedRequestIds);
        if (batch.IsRepeated)
        {
            // Its earlier arrival may still wait here, for a client that is no longer there.
            _replaced.AddRange(_waiting.Where(w => w.Batch.RequestId == batch.RequestId));
            _waiting.RemoveAll(_replaced.Contains);
            if (await AnsweredRequests.FindAsync(commands, queueId, batch.RequestId) is { } earlier)
            {
                _answers.Add((call, QueueBatchReply.Parser.ParseFrom(earlier)));
                return;
            }
        }

        if (call.Waiting is { } get && Fault(get) is null && (Of(get.Partition).Count == 0 || _waiting.Any(w => w.Waiting!.Partition == get.Partition)))
        {
            _waiting.Add(call);
            return;
        }

        var reply = new QueueBatchReply();
        foreach (var operation in batch.Operations)
        {
            reply.Results.Add(operation.OperationCase switch
            {
                QueueOperation.OperationOneofCase.Put => await PutAsync(operation.Put),
                QueueOperation.OperationOneofCase.Get => await GetAsync(operation.Get),
                QueueOperation.OperationOneofCase.Length => new QueueResult { Length = operation.Length.All ? Total() : Of(operation.Length.Partition).Count },
                QueueOperation.OperationOneofCase.Clear => await ClearAsync(operation.Clear),
                _ => Refuse(StatusCode.InvalidArgument, "The operation is not known."),
            });
        }

        await AnswerAsync(call, reply);
    }

    /// <summary>Clears a partition whose time is over.</summary>
    public Task ExpireAsync(string partition) => RemoveAsync(partition);

    private async Task AnswerAsync(QueueCall call, QueueBatchReply reply)
    {
        // Where nothing was changed, doing it again does no harm, and the database need not write.
        if (Enumerable.Range(0, reply.Results.Count).Any(i => IsChange(call.Batch.Operations[i], reply.Results[i])))
        {
            await AnsweredRequests.AddAsync(commands, queueId, call.Batch.RequestId, reply, nowMs);
        }

        _answers.Add((call, reply));
    }

    private static bool IsChange(QueueOperation operation, QueueResult result) => operation.OperationCase switch
    {
        QueueOperation.OperationOneofCase.Put or QueueOperation.OperationOneofCase.Clear => result.Error is null,
        QueueOperation.OperationOneofCase.Get => result.Items is { Items.Count: > 0 },
        _ => false,
    };

    private QueuePartition Of(string partition) => _changed.TryGetValue(partition, out var changed) ? changed : before.GetValueOrDefault(partition);

    private long Total() => before.Where(p => !_changed.ContainsKey(p.Key)).Select(static p => p.Value).Concat(_changed.Values).Sum(static p => (long)p.Count);

    private void Set(string partition, QueuePartition state)
    {
        _partitions += (state != default ? 1 : 0) - (Of(partition) != default ? 1 : 0);
        _changed[partition] = state;
    }

    private async Task<QueueResult> PutAsync(QueuePut put)
    {
        if (Fault(put.Partition) is { } fault)
        {
            return fault;
        }

        if (put.Items.FirstOrDefault(static i => i.Length > QueueLimits.MaxItemBytes) is { } large)
        {
            return Refuse(
                StatusCode.InvalidArgument, $"An item has {large.Length} bytes when it is encoded; at most {QueueLimits.MaxItemBytes} are allowed. Keep large data in a volume and put its path.");
        }

        var state = Of(put.Partition);
        if (state.Count + put.Items.Count > QueueLimits.MaxItemsPerPartition)
        {
            return Refuse(StatusCode.ResourceExhausted, $"The partition '{put.Partition}' has {state.Count} items, so {put.Items.Count} more do not fit: at most {QueueLimits.MaxItemsPerPartition} are allowed.");
        }

        if (state == default && _partitions >= QueueLimits.MaxPartitions)
        {
            return Refuse(StatusCode.ResourceExhausted, $"The queue has {QueueLimits.MaxPartitions} partitions, which is the most it may have.");
        }

        foreach (var item in put.Items)
        {
            await commands.ExecuteAsync(
                "INSERT INTO queue_items (queue_id, partition_name, seq, value) VALUES (@id, @partition, @seq, @value)",
                ("@id", queueId), ("@partition", put.Partition), ("@seq", ++LastSeq), ("@value", item.ToByteArray()));
        }

        if (put.Items.Count > 0)
        {
            var expires = nowMs + QueueLimits.PartitionTtlMs(put.PartitionTtlMs);
            if (expires != state.ExpiresMs)
            {
                await commands.ExecuteAsync(
                    "INSERT INTO queue_partitions (queue_id, name, expires_ms) VALUES (@id, @partition, @expires) ON CONFLICT (queue_id, name) DO UPDATE SET expires_ms = excluded.expires_ms",
                    ("@id", queueId), ("@partition", put.Partition), ("@expires", expires));
            }

            Set(put.Partition, new QueuePartition(state.Count + put.Items.Count, expires));
            await ServeAsync(put.Partition);
        }

        return new QueueResult { Length = put.Items.Count };
    }

    // What was put goes to those who wait for it, the first come first.
    private async Task ServeAsync(string partition)
    {
        while (Of(partition).Count > 0 && _waiting.Find(w => w.Waiting!.Partition == partition) is { } first)
        {
            _waiting.Remove(first);
            await AnswerAsync(first, new QueueBatchReply { Results = { await GetAsync(first.Waiting!) } });
        }
    }

    private async Task<QueueResult> GetAsync(QueueGet get)
    {
        if (Fault(get) is { } fault)
        {
            return fault;
        }

        var state = Of(get.Partition);
        var items = new QueueItems();
        if (state.Count == 0)
        {
            return new QueueResult { Items = items };
        }

        // Of the largest items fewer are given, so that the answer can be sent.
        var count = get.Count <= QueueLimits.MaxGetBytes / QueueLimits.MaxItemBytes ? get.Count : await FitAsync(get);
        var taken = await commands.QueryAsync(
            "DELETE FROM queue_items WHERE queue_id = @id AND partition_name = @partition AND seq IN "
                + "(SELECT seq FROM queue_items WHERE queue_id = @id AND partition_name = @partition ORDER BY seq LIMIT @count) RETURNING seq, value",
            static r => (Seq: r.GetInt64(0), Value: r.GetFieldValue<byte[]>(1)),
            ("@id", queueId), ("@partition", get.Partition), ("@count", count));
        items.Items.AddRange(taken.OrderBy(static t => t.Seq).Select(static t => UnsafeByteOperations.UnsafeWrap(t.Value)));
        Set(get.Partition, state with { Count = taken.Count < count ? 0 : Math.Max(0, state.Count - taken.Count) });
        return new QueueResult { Items = items };
    }

    private async Task<int> FitAsync(QueueGet get)
    {
        var sizes = await commands.QueryAsync(
            "SELECT length(value) FROM queue_items WHERE queue_id = @id AND partition_name = @partition ORDER BY seq LIMIT @count",
            static r => r.GetInt64(0), ("@id", queueId), ("@partition", get.Partition), ("@count", get.Count));
        var (fit, bytes) = (0, 0L);
        foreach (var size in sizes)
        {
            bytes += size;
            if (bytes > QueueLimits.MaxGetBytes)
            {
                break;
            }

            fit++;
        }

        return Math.Max(1, fit);
    }

    private async Task<QueueResult> ClearAsync(QueueClear clear)
    {
        if (!clear.All)
        {
            return Fault(clear.Partition) ?? new QueueResult { Length = await RemoveAsync(clear.Partition) };
        }

        var removed = await commands.ExecuteAsync("DELETE FROM queue_items WHERE queue_id = @id", ("@id", queueId));
        await commands.ExecuteAsync("DELETE FROM queue_partitions WHERE queue_id = @id", ("@id", queueId));
        foreach (var partition in before.Keys.Concat(_changed.Keys).Distinct(StringComparer.Ordinal).ToArray())
        {
            Set(partition, default);
        }

        return new QueueResult { Length = removed };
    }

    private async Task<int> RemoveAsync(string partition)
    {
        var removed = await commands.ExecuteAsync("DELETE FROM queue_items WHERE queue_id = @id AND partition_name = @partition", ("@id", queueId), ("@partition", partition));
        await commands.ExecuteAsync("DELETE FROM queue_partitions WHERE queue_id = @id AND name = @partition", ("@id", queueId), ("@partition", partition));
        Set(partition, default);
        return removed;
    }

    private static QueueResult? Fault(QueueGet get) => Fault(get.Partition)
        ?? (get.Count is < 1 or > QueueLimits.MaxGet ? Refuse(StatusCode.InvalidArgument, $"{get.Count} items are asked for; 1 to {QueueLimits.MaxGet} are allowed.")
        : get.WaitMs is < 0 or > QueueLimits.MaxWaitMs ? Refuse(StatusCode.InvalidArgument, $"The wait is {get.WaitMs} ms; 0 to {QueueLimits.MaxWaitMs} are allowed.")
        : null);

    private static QueueResult? Fault(string partition) => Encoding.UTF8.GetByteCount(partition) > QueueLimits.MaxPartitionNameBytes
        ? Refuse(StatusCode.InvalidArgument, $"The partition '{partition}' has a name of more than {QueueLimits.MaxPartitionNameBytes} bytes.")
        : null;

    private static QueueResult Refuse(StatusCode code, string message) => new() { Error = new OperationError { Code = (int)code, Message = message } };
}
