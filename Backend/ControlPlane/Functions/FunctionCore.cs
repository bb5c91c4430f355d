using Modal.Backend.ControlPlane.Scaling;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>
/// The state machine of one function: its waiting inputs, its containers and what they hold, its results until clients have them. It knows neither clock nor
/// network: every operation gets the time in milliseconds (of any origin, never falling), and what is to be done comes out through
/// <see cref="IFunctionActions"/>. One caller at a time.
/// </summary>
/// <remarks>
/// Inputs are served in turn over streams and, within a stream, over its calls; within a call in order. An input that was lost with its container goes back to
/// the front without spending a user's retry. A result has a number in its stream and is kept until the client acknowledges that number.
/// </remarks>
internal sealed partial class FunctionCore
{
    // A container that falls over this often with the same input in it is not the machine's fault.
    private const int MaxLosses = 5;

    // After this many losses the input may well be the reason: it runs alone, so that it takes no others with it.
    private const int LossesBeforeSuspicion = 2;

    // Bounds the memory that one client which does not read can take.
    private const long MaxRetainedBytes = 256L * 1024 * 1024;
    private const int MaxInputsPerStream = 1_000_000;

    // How late a container may be stopped that was kept for a load which does not come again.
    private const long LookAgainMs = 1_000;

    private readonly IFunctionActions _actions;
    private readonly IFunctionActions _memberActions;
    private readonly Func<string> _newContainerId;
    private readonly Dictionary<string, StreamState> _streams = new(StringComparer.Ordinal);
    private readonly LinkedList<StreamState> _round = new();
    private readonly PriorityQueue<InputState, long> _delayed = new();

    // Attempts that nobody waits for any more but that still hold a place in their container.
    private readonly Dictionary<(ContainerState Container, string Stream, ulong Call, ulong Index), InputState> _abandoned = [];
    private readonly List<StreamState> _dirtyStreams = [];
    private readonly List<ContainerState> _dirtyContainers = [];
    private FunctionSettings _settings;
    private Chain<InputState> _suspects;
    private int _queued;
    private long _oldestQueuedMs;
    private int _delayedCount;
    private int _running;

    public FunctionCore(FunctionSettings settings, IFunctionActions actions, Func<string> newContainerId)
    {
        _settings = settings.InClusters();
        _memberActions = actions;
        _actions = settings.IsClustered ? new ClusterActions(this, settings.ClusterSize) : actions;
        _newContainerId = newContainerId;
    }

    /// <summary>Inputs that wait: in queues, as suspects, or for their next attempt.</summary>
    public int Queued => _queued + _suspects.Count + _delayedCount;

    /// <summary>Inputs that are in a container and somebody waits for.</summary>
    public int Running => _running;

    public bool IsStopping { get; private set; }

    /// <summary>The time of the last operation: what is due after it has not been looked at.</summary>
    public long LastMs { get; private set; }

    public IEnumerable<string> AttachedStreams => _streams.Values.Where(s => s.IsAttached).Select(s => s.Id);

    /// <summary>The same function with other settings; it keeps the size of its clusters, and containers that exist what they were started with.</summary>
    public void Configure(FunctionSettings settings, long now)
    {
        _settings = (settings with { ClusterSize = _settings.ClusterSize }).InClusters();
        End(now);
    }

    /// <summary>A client listens on the stream from now on. Everything after <paramref name="lastSeq"/> is delivered again.</summary>
    /// <returns>False if nothing is known under this id: the client must send everything unfinished again.</returns>
    public bool OpenStream(string streamId, ulong lastSeq, long now)
    {
        var known = _streams.TryGetValue(streamId, out var stream);
        if (known)
        {
            Acknowledge(stream!, lastSeq);
        }
        else
        {
            stream = new StreamState(streamId);
            _streams.Add(streamId, stream);
        }

        stream!.IsAttached = true;
        stream.Outgoing = null;
        foreach (var result in stream.Results)
        {
            Send(stream, result);
        }

        End(now);
        return known;
    }

    /// <summary>The client's connection is gone; it may come back.</summary>
    public void DetachStream(string streamId)
    {
        if (_streams.TryGetValue(streamId, out var stream))
        {
            stream.IsAttached = false;
        }
    }

    /// <summary>The client is gone for good: its waiting inputs are dropped, its running ones cancelled.</summary>
    public void CloseStream(string streamId, long now)
    {
        if (_streams.Remove(streamId, out var stream))
        {
            foreach (var input in stream.Inputs)
            {
                Withdraw(input);
                input.Finish();
                Abandon(input);
            }
        }

        End(now);
    }

    /// <summary>Takes inputs. Those it knows already, or that were settled, are ignored.</summary>
    /// <returns>False if the stream is not open or holds too many unfinished inputs.</returns>
    public bool AddInputs(string streamId, IReadOnlyList<Input> inputs, long now)
    {
        if (!_streams.TryGetValue(streamId, out var stream) || stream.Live + inputs.Count > MaxInputsPerStream)
        {
            return false;
        }

        CallState? call = null;
        var live = stream.Live;
        for (var i = 0; i < inputs.Count; i++)
        {
            var message = inputs[i];
            if (stream.Find(message.Call, message.Index) is not null || stream.IsSettled(message.Call, message.Index))
            {
                continue;
            }

            if (call?.Number != message.Call)
            {
                call = stream.GetOrAddCall(message.Call);
            }

            var input = new InputState(call, message, now);
            if (_abandoned.Count > 0)
            {
                // The client gave up and came back while a container still works on it: the numbers of the attempts must differ.
                input.Attempt = _abandoned.Values.Where(a => a.Index == input.Index && a.Call.Number == message.Call && a.Call.Stream.Id == streamId).Select(a => a.Attempt).DefaultIfEmpty().Max();
            }

            stream.Add(input);
            Enqueue(input, atFront: false);
        }

        _scaler.OnArrivals(stream.Live - live, now);
        End(now);
        return true;
    }

    /// <summary>The client has every result up to this number.</summary>
    public void AcknowledgeResults(string streamId, ulong seq)
    {
        if (_streams.TryGetValue(streamId, out var stream))
        {
            Acknowledge(stream, seq);
        }
    }

    /// <summary>Cancels inputs of a call, all of them if none is named. Their result is CANCELLED at once, whatever their containers still do.</summary>
    public void CancelInputs(string streamId, ulong callNumber, IReadOnlyList<ulong> indexes, long now)
    {
        if (_streams.TryGetValue(streamId, out var stream) && stream.FindCall(callNumber) is { } call)
        {
            var cancelled = indexes.Count > 0
                ? indexes.Select(call.Find).OfType<InputState>() : call.Inputs;
            foreach (var input in cancelled.Where(i => i.Phase != InputPhase.Finished).ToArray())
            {
                Withdraw(input);
                Complete(input, new CallResult { Failure = new Failure { Kind = FailureKind.Cancelled, Message = "The call was cancelled." } });
            }
        }

        End(now);
    }

    /// <summary>Fails everything that waits, because it cannot run.</summary>
    public void FailWaiting(Failure failure, long now)
    {
        foreach (var stream in _streams.Values)
        {
            foreach (var input in stream.Inputs.Where(i => i.Phase is InputPhase.Queued or InputPhase.Delayed))
            {
                Withdraw(input);
                Complete(input, new CallResult { Failure = failure });
            }
        }

        End(now);
    }

    /// <summary>Time passed.</summary>
    public void Wake(long now)
    {
        while (_delayed.TryPeek(out var input, out var due) && (due <= now || input.Phase != InputPhase.Delayed))
        {
            _delayed.Dequeue();
            if (input.Phase == InputPhase.Delayed)
            {
                _delayedCount--;
                Enqueue(input, atFront: true);
            }
        }

        StopIdle(now);
        End(now);
    }

    /// <summary>When <see cref="Wake"/> has something to do; null if only another operation can change anything.</summary>
    public long? NextWake(long now)
    {
        if (IsStopping)
        {
            return null;
        }

        var due = long.MaxValue;
        if (_delayed.TryPeek(out _, out var delayed))
        {
            due = delayed;
        }

        var load = Load(now);
        var desired = WithReplacements(_scaler.Desired(_settings, load, now), load, now);
        if (_idle.First is { } idle && _ready.Count > desired)
        {
            // Kept beyond its time, for what was wanted not long ago: looked at again now and then.
            var idleUntil = idle.Value.IdleSinceMs + _settings.ScaledownWindowMs;
            due = Math.Min(due, idleUntil > now ? idleUntil : now + LookAgainMs);
        }

        if (_idle.Count > 0 && _scaler.BufferEnd(_settings, load, now) is { } bufferEnd)
        {
            due = Math.Min(due, bufferEnd);
        }

        if (StartsBlockedUntil() is var blocked && blocked > now && desired > _containers.Count - _stopping - _outdated)
        {
            due = Math.Min(due, blocked);
        }

        if (Autoscaler.NextRise(_settings, load, desired, now) is { } rise)
        {
            due = Math.Min(due, rise);
        }

        if (_settings.IsBatched && _queued > 0 && _oldestQueuedMs + _settings.BatchWaitMs is var full && full > now)
        {
            due = Math.Min(due, full);
        }

        return due == long.MaxValue ? null : due;
    }

    // In front of what waits: for inputs that had their turn already.
    private void Enqueue(InputState input, bool atFront)
    {
        input.Phase = InputPhase.Queued;
        if (input.IsSuspect)
        {
            _suspects.Add(input, atFront);
            return;
        }

        var call = input.Call;
        var stream = call.Stream;
        _oldestQueuedMs = _queued == 0 ? input.ArrivedMs : Math.Min(_oldestQueuedMs, input.ArrivedMs);
        call.Queue.Add(input, atFront);
        if (call.Queue.Count == 1)
        {
            stream.Round.Add(call, atFront);
            if (stream.Round.Count == 1)
            {
                AddToRound(stream, atFront);
            }
        }

        _queued++;
    }

    private void AddToRound(StreamState stream, bool atFront)
    {
        if (atFront)
        {
            _round.AddFirst(stream.Node);
        }
        else
        {
            _round.AddLast(stream.Node);
        }
    }

    // Out of whatever it waits in. An input in a container stays there, and the container is told to stop working on it.
    private void Withdraw(InputState input)
    {
        switch (input.Phase)
        {
            case InputPhase.Queued when input.IsSuspect:
                _suspects.Remove(input);
                break;
            case InputPhase.Queued:
                LeaveQueue(input);
                break;
            case InputPhase.Delayed:
                // Its entry in the queue of times is skipped when its time comes.
                _delayedCount--;
                break;
            case InputPhase.Running:
                _running--;
                var container = input.Container!;
                MarkDirty(container);
                (container.OutgoingCancel ??= new CancelAttempts { ContainerId = container.Id }).Inputs.Add(input.Ref);
                break;
        }
    }

    private void LeaveQueue(InputState input)
    {
        var call = input.Call;
        var stream = call.Stream;
        call.Queue.Remove(input);
        _queued--;
        if (call.Queue.Count == 0)
        {
            stream.Round.Remove(call);
            if (stream.Round.Count == 0)
            {
                _round.Remove(stream.Node);
            }
        }
    }

    private void MarkDirty(ContainerState container)
    {
        if (container.Outgoing is null && container.OutgoingCancel is null)
        {
            _dirtyContainers.Add(container);
        }
    }

    // Every operation ends here: containers are asked for or given inputs, then all that was gathered goes out.
    private void End(long now)
    {
        LastMs = now;
        if (!IsStopping)
        {
            Scale(now);
            DispatchWaiting(now);
        }

        foreach (var stream in _dirtyStreams)
        {
            if (stream.Outgoing is { } results)
            {
                stream.Outgoing = null;
                _actions.Deliver(stream.Id, results);
            }
        }

        _dirtyStreams.Clear();
        foreach (var container in _dirtyContainers)
        {
            var (inputs, cancel) = (container.Outgoing, container.OutgoingCancel);
            (container.Outgoing, container.OutgoingCancel) = (null, null);
            if (inputs is not null)
            {
                _actions.Dispatch(container, inputs);
            }

            if (cancel is not null && _containers.ContainsKey(container.Id))
            {
                _actions.CancelAttempts(container, cancel);
            }
        }

        _dirtyContainers.Clear();
    }
}
