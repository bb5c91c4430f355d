using Dapper;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Queues;

/// <summary>
/// One queue: whatever calls have arrived become one transaction, and are answered when it is on disk. Items are in the database alone; how many each partition has, and who waits for some, is
/// known here, so that nobody polls. For any thread: all state belongs to the pump.
/// </summary>
internal sealed class QueueCore : IDisposable
{
    private readonly string _id;
    private readonly IDatabase _database;
    private readonly TimeProvider _time;
    private readonly BatchPump<Arrival> _pump;
    private readonly ITimer _timer;
    private Dictionary<string, QueuePartition>? _partitions;
    private IReadOnlyList<QueueCall> _waiting = [];
    private long _lastSeq;
    private long _nextExpiryMs;
    private string _environment = "";

    public QueueCore(string id, IDatabase database, TimeProvider time)
    {
        _id = id;
        _database = database;
        _time = time;
        _pump = new BatchPump<Arrival>(HandleAsync);
        _timer = time.CreateTimer(_ => _pump.Post(new Arrival(ArrivalKind.Wake, null, "")), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum ArrivalKind
    {
        Call,
        Cancel,
        Wake,
        Forget,
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Does what is asked.</summary>
    /// <param name="callId">Names this arrival for <see cref="Cancel"/>.</param>
    /// <param name="environment">Where the client says that the queue is.</param>
    /// <param name="batch">What is asked; checked but for its operations.</param>
    public Task<QueueAnswer> ExecuteAsync(string callId, string environment, QueueBatch batch)
    {
        var call = new QueueCall(callId, batch);
        _pump.Post(new Arrival(ArrivalKind.Call, call, environment));
        return call.Answered;
    }

    /// <summary>Nobody listens to that call any more: if it waits it is given nothing.</summary>
    public void Cancel(string callId) => _pump.Post(new Arrival(ArrivalKind.Cancel, null, callId));

    /// <summary>The queue was deleted, or what is known of it may be wrong.</summary>
    public void Forget() => _pump.Post(new Arrival(ArrivalKind.Forget, null, ""));

    public void Dispose() => _timer.Dispose();

    private async Task HandleAsync(IReadOnlyList<Arrival> arrivals)
    {
        var calls = new List<QueueCall>();
        try
        {
            foreach (var arrival in arrivals)
            {
                switch (arrival.Kind)
                {
                    case ArrivalKind.Call:
                        calls.Add(arrival.Call!);
                        break;
                    case ArrivalKind.Cancel:
                        calls.Where(c => c.CallId == arrival.Text).Concat(_waiting.Where(w => w.CallId == arrival.Text)).ToList().ForEach(static c => c.Answer(Nothing()));
                        calls.RemoveAll(static c => c.Answered.IsCompleted);
                        break;
                    case ArrivalKind.Forget:
                        _partitions = null;
                        break;
                }
            }

            _waiting = [.. _waiting.Where(static w => !w.Answered.IsCompleted)];
            await LoadAsync();
            if (_partitions is null)
            {
                calls.Concat(_waiting).ToList().ForEach(static c => c.AnswerMissing());
                _waiting = [];
                return;
            }

            foreach (var (call, environment) in arrivals.Where(a => a.Call is not null && a.Text != _environment).Select(static a => (a.Call!, a.Text)))
            {
                call.AnswerMissing();
                calls.Remove(call);
            }

            await RunAsync(calls);
        }
#pragma warning disable CA1031 // The edge of the pump: what goes wrong belongs to those who asked, and what is known must be read again.
        catch (Exception e)
        {
            _partitions = null;
            calls.ForEach(c => c.Fail(e));
        }
#pragma warning restore CA1031

        AnswerDue();
    }

    private static QueueBatchReply Nothing() => new() { Results = { new QueueResult { Items = new QueueItems() } } };

    private async Task LoadAsync()
    {
        if (_partitions is not null)
        {
            return;
        }

        var (environment, partitions, lastSeq) = await _database.ReadAsync(async c =>
        {
            var environment = await c.ExecuteScalarAsync<string?>("SELECT environment FROM queues WHERE id = @id", new { id = _id });
            var rows = await c.QueryAsync<(string Name, long ExpiresMs, long Count)>(
                "SELECT p.name, p.expires_ms, (SELECT count(*) FROM queue_items i WHERE i.queue_id = p.queue_id AND i.partition_name = p.name) AS items FROM queue_partitions p WHERE p.queue_id = @id", new { id = _id });
            var lastSeq = await c.ExecuteScalarAsync<long?>("SELECT max(seq) FROM queue_items WHERE queue_id = @id", new { id = _id });
            return (environment, rows.ToList(), lastSeq ?? 0);
        });
        if (environment is not null)
        {
            _environment = environment;
            _partitions = partitions.ToDictionary(static p => p.Name, static p => new QueuePartition((int)p.Count, p.ExpiresMs), StringComparer.Ordinal);

            // Never falls behind what a failed transaction may have counted.
            _lastSeq = Math.Max(_lastSeq, lastSeq);
            _nextExpiryMs = 0;
        }
    }

    private async Task RunAsync(List<QueueCall> calls)
    {
        var now = NowMs;
        foreach (var call in calls)
        {
            call.DueMs = call.Waiting is { } get ? now + get.WaitMs : long.MaxValue;
        }

        var expired = now < _nextExpiryMs ? [] : _partitions!.Where(p => p.Value.ExpiresMs <= now).Select(static p => p.Key).ToList();
        if (calls.Count == 0 && expired.Count == 0)
        {
            return;
        }

        var done = await _database.WriteAsync(async c =>
        {
            await using var commands = new BatchCommands(c);
            var transaction = new QueueTransaction(_id, commands, _partitions!, _waiting, _lastSeq, now);
            foreach (var partition in expired)
            {
                await transaction.ExpireAsync(partition);
            }

            foreach (var call in calls)
            {
                await transaction.RunAsync(call);
            }

            return transaction;
        });
        foreach (var (name, state) in done.Changed)
        {
            if (state == default)
            {
                _partitions!.Remove(name);
            }
            else
            {
                _partitions![name] = state;
                _nextExpiryMs = Math.Min(_nextExpiryMs, state.ExpiresMs);
            }
        }

        if (now >= _nextExpiryMs)
        {
            _nextExpiryMs = _partitions!.Count == 0 ? long.MaxValue : _partitions.Values.Min(static p => p.ExpiresMs);
        }

        (_lastSeq, _waiting) = (done.LastSeq, done.Waiting);
        foreach (var call in done.Replaced)
        {
            call.Fail(new OperationCanceledException("The request came again."));
        }

        foreach (var (call, reply) in done.Answers)
        {
            call.Answer(reply);
        }
    }

    private void AnswerDue()
    {
        var now = NowMs;
        foreach (var call in _waiting.Where(w => w.DueMs <= now))
        {
            call.Answer(Nothing());
        }

        _waiting = [.. _waiting.Where(static w => !w.Answered.IsCompleted)];
        if (_waiting.Count > 0)
        {
            _timer.Change(TimeSpan.FromMilliseconds(Math.Max(1, _waiting.Min(static w => w.DueMs) - now)), Timeout.InfiniteTimeSpan);
        }
    }

    private sealed record Arrival(ArrivalKind Kind, QueueCall? Call, string Text);
}
