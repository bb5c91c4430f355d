namespace Modal.Backend.ControlPlane.Functions;

/// <summary>One CallAsync or one Map: its waiting inputs in order, and which of its inputs are settled for good.</summary>
internal sealed class CallState
{
    public CallState(StreamState stream, ulong number)
    {
        Stream = stream;
        Number = number;
        Node = new LinkedListNode<CallState>(this);
    }

    public StreamState Stream { get; }

    public ulong Number { get; }

    /// <summary>Inputs that are not acknowledged yet.</summary>
    public int Live { get; set; }

    public LinkedList<InputState> Queue { get; } = new();

    /// <summary>Inputs whose results were acknowledged: if they come again they are ignored.</summary>
    public IndexSet Settled { get; } = new();

    /// <summary>Its place in the stream's round; in it exactly while something is queued.</summary>
    public LinkedListNode<CallState> Node { get; }
}
