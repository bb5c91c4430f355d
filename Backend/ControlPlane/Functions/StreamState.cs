using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>One client's stream of calls to this function.</summary>
internal sealed class StreamState
{
    private readonly Dictionary<ulong, CallState> _calls = [];
    private readonly IndexSet _settledUnary = new();

    public StreamState(string id)
    {
        Id = id;
        Node = new LinkedListNode<StreamState>(this);
    }

    public string Id { get; }

    /// <summary>Whether a client listens. If not, results are kept until it comes back or the stream is closed.</summary>
    public bool IsAttached { get; set; }

    public Dictionary<(ulong Call, ulong Index), InputState> Inputs { get; } = [];

    /// <summary>Results not acknowledged yet, in the order of their numbers.</summary>
    public Queue<CallResult> Results { get; } = new();

    public ulong LastSeq { get; set; }

    /// <summary>Bytes of <see cref="Results"/> held inline.</summary>
    public long RetainedBytes { get; set; }

    /// <summary>What the running operation has for the client; handed out when it ends.</summary>
    public CallResults? Outgoing { get; set; }

    /// <summary>Calls with something queued, in the order in which they get their turn.</summary>
    public LinkedList<CallState> Round { get; } = new();

    /// <summary>Its place in the function's round; in it exactly while something is queued.</summary>
    public LinkedListNode<StreamState> Node { get; }

    public bool IsSettled(ulong call, ulong index) =>
        _calls.TryGetValue(call, out var state) ? state.Settled.Contains(index) : index == 0 && _settledUnary.Contains(call);

    public CallState GetOrAddCall(ulong number)
    {
        if (!_calls.TryGetValue(number, out var call))
        {
            call = new CallState(this, number);
            if (_settledUnary.Contains(number))
            {
                _settledUnary.Remove(number);
                call.Settled.Add(0);
            }

            _calls.Add(number, call);
        }

        return call;
    }

    public CallState? FindCall(ulong number) => _calls.GetValueOrDefault(number);

    /// <summary>The client has the input's result: forget the input, remember only that it is settled.</summary>
    public void Settle(InputState input)
    {
        var call = input.Call;
        Inputs.Remove((call.Number, input.Index));
        call.Settled.Add(input.Index);
        call.Live--;
        // A million calls of one input each become one range.
        if (call.Live == 0 && call.Settled.IsExactly(0))
        {
            _calls.Remove(call.Number);
            _settledUnary.Add(call.Number);
        }
    }
}
