using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>The detached calls of one function that are not finished: by the id that clients know and by the number that the function's stream has for them. Of one grain.</summary>
internal sealed class DetachedCalls
{
    private readonly Dictionary<string, DetachedCall> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, DetachedCall> _byNumber = [];
    private ulong _lastNumber;

    public int Count => _byId.Count;

    public IReadOnlyCollection<DetachedCall> All => _byId.Values;

    public DetachedCall? Find(string callId) => _byId.GetValueOrDefault(callId);

    public DetachedCall? Find(ulong number) => _byNumber.GetValueOrDefault(number);

    public DetachedCall Add(string callId)
    {
        var call = new DetachedCall(callId, ++_lastNumber);
        _byId.Add(callId, call);
        _byNumber.Add(call.Number, call);
        return call;
    }

    public void Remove(DetachedCall call)
    {
        _byId.Remove(call.Id);
        _byNumber.Remove(call.Number);
    }
}

/// <summary>One detached call until it is finished.</summary>
internal sealed class DetachedCall(string id, ulong number)
{
    private TaskCompletionSource? _changed;

    public string Id => id;

    public ulong Number => number;

    /// <summary>Inputs that are stored.</summary>
    public ulong Inputs { get; set; }

    /// <summary>No more follow.</summary>
    public bool IsComplete { get; set; }

    public bool IsCancelled { get; set; }

    /// <summary>Number of the last result that was made; those up to <see cref="StoredSeq"/> are on disk.</summary>
    public ulong Seq { get; set; }

    public ulong StoredSeq { get; set; }

    public ulong Succeeded { get; set; }

    public ulong Failed { get; set; }

    public CallStatus State => !IsComplete || Seq < Inputs ? CallStatus.Running : IsCancelled ? CallStatus.Cancelled : CallStatus.Finished;

    /// <summary>Counts a result.</summary>
    /// <returns>The same for whoever reads the call.</returns>
    public CallResult Take(CallResult result)
    {
        if (result.OutcomeCase == CallResult.OutcomeOneofCase.Failure)
        {
            Failed++;
        }
        else
        {
            Succeeded++;
        }

        // The number in the function's stream is still needed there.
        var taken = result.Clone();
        (taken.Seq, taken.Call) = (++Seq, 0);
        return taken;
    }

    /// <summary>Ends at the next <see cref="Tell"/>.</summary>
    public Task WhenChanged() => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>More of it is on disk.</summary>
    public void Tell()
    {
        StoredSeq = Seq;
        _changed?.SetResult();
        _changed = null;
    }
}
