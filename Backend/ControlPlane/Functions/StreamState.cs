using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>One client's stream of calls to this function.</summary>
internal sealed class StreamState
{
    private readonly IndexTable<CallState> _calls = new();
    private readonly IndexSet _settledUnary = new();
    private Chain<CallState> _round;

    public StreamState(string id)
    {
        Id = id;
        Node = new LinkedListNode<StreamState>(this);
    }

    public string Id { get; }

    /// <summary>Whether a client listens. If not, results are kept until it comes back or the stream is closed.</summary>
    public bool IsAttached { get; set; }

    /// <summary>How many inputs are not acknowledged yet.</summary>
    public int Live { get; private set; }

    /// <summary>Not to be changed meanwhile by adding or settling.</summary>
    public IEnumerable<InputState> Inputs => _calls.Values.SelectMany(c => c.Inputs);

    /// <summary>Results not acknowledged yet, in the order of their numbers.</summary>
    public Queue<CallResult> Results { get; } = new();

    public ulong LastSeq { get; set; }

    /// <summary>Bytes of <see cref="Results"/> held inline.</summary>
    public long RetainedBytes { get; set; }

    /// <summary>What the running operation has for the client; handed out when it ends.</summary>
    public CallResults? Outgoing { get; set; }

    /// <summary>Calls with something queued, in the order in which they get their turn.</summary>
    public ref Chain<CallState> Round => ref _round;

    /// <summary>Its place in the function's round; in it exactly while something is queued.</summary>
    public LinkedListNode<StreamState> Node { get; }

    public bool IsSettled(ulong call, ulong index) => _calls.Find(call) is { } state ? state.IsSettled(index) : index == 0 && _settledUnary.Contains(call);

    public CallState? FindCall(ulong number) => _calls.Find(number);

    public InputState? Find(ulong call, ulong index) => _calls.Find(call)?.Find(index);

    public CallState GetOrAddCall(ulong number)
    {
        if (_calls.Find(number) is { } known)
        {
            return known;
        }

        var call = new CallState(this, number);
        if (_settledUnary.Contains(number))
        {
            _settledUnary.Remove(number);
            call.Settle(0);
        }

        _calls.Add(number, call);
        return call;
    }

    public void Add(InputState input)
    {
        input.Call.Add(input);
        Live++;
    }

    /// <summary>The client has the input's result: forget the input, remember only that it is settled.</summary>
    public void Settle(InputState input)
    {
        var call = input.Call;
        call.Settle(input.Index);
        Live--;
        // A million calls of one input each become one range.
        if (call.IsSettledUnary)
        {
            _calls.Remove(call.Number);
            _settledUnary.Add(call.Number);
        }
    }
}
