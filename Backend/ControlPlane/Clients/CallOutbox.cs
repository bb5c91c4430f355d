using Modal.Backend.ControlPlane.Hosting;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Clients;

/// <summary>What goes to one client's stream of calls. It outlives connections: output waits here for a client that comes back.</summary>
internal sealed class CallOutbox : Outbox<CallEvent>
{
    // A message of this size is written in well under a millisecond; the first of its results should not wait longer for the last.
    private const int MaxResults = 512;
    private const int MaxBytes = 1024 * 1024;

    private long _lastBytes;

    private CancellationTokenSource? _connection;

    /// <summary>The connection that is served; messages of others are ignored.</summary>
    public string ConnectionId { get; private set; } = "";

    /// <summary>Serves this connection from now on and ends the one before, which may not know yet that it is dead.</summary>
    public void Attach(string connectionId, CancellationTokenSource connection)
    {
        Interlocked.Exchange(ref _connection, connection)?.Cancel();
        ConnectionId = connectionId;
    }

    /// <summary>The connection has ended by itself; from here on it is not touched any more.</summary>
    public void Detach(CancellationTokenSource connection) => Interlocked.CompareExchange(ref _connection, null, connection);

    /// <summary>Posts results as one message or, when they are large, as several.</summary>
    public void PostResults(CallResults results)
    {
        var start = 0;
        var bytes = 0L;
        for (var i = 0; i < results.Results.Count; i++)
        {
            var size = SizeOf(results.Results[i]);
            if (i > start && (bytes + size > MaxBytes || i - start >= MaxResults))
            {
                Post(new CallEvent { Results = Slice(results, start, i) });
                (start, bytes) = (i, 0);
            }

            bytes += size;
        }

        Post(new CallEvent { Results = start == 0 ? results : Slice(results, start, results.Results.Count) });
    }

    protected override bool TryMerge(CallEvent last, CallEvent message)
    {
        if (message.Results is null)
        {
            return false;
        }

        var bytes = BytesOf(message.Results);
        var merged = last.Results is { } before && before.Results.Count + message.Results.Results.Count <= MaxResults && _lastBytes + bytes <= MaxBytes;
        if (merged)
        {
            last.Results.Results.AddRange(message.Results.Results);
        }

        _lastBytes = merged ? _lastBytes + bytes : bytes;
        return merged;
    }

    private static CallResults Slice(CallResults results, int start, int end)
    {
        var slice = new CallResults();
        for (var i = start; i < end; i++)
        {
            slice.Results.Add(results.Results[i]);
        }

        return slice;
    }

    private static long BytesOf(CallResults results)
    {
        var bytes = 0L;
        foreach (var result in results.Results)
        {
            bytes += SizeOf(result);
        }

        return bytes;
    }

    // Without the few bytes of numbers around it, and with a guess for failures, whose texts are bounded where they are made.
    private static long SizeOf(CallResult result) => result.OutcomeCase switch
    {
        CallResult.OutcomeOneofCase.Value => result.Value.Inline.Length,
        CallResult.OutcomeOneofCase.Yield => result.Yield.Inline.Length,
        CallResult.OutcomeOneofCase.Failure => result.Failure.CalculateSize(),
        _ => 0,
    };
}
