namespace Modal.Backend.ControlPlane.Functions;

/// <summary>One CallAsync or one Map: its inputs, which of them wait, in order, and which are settled for good. Its links are its place in the stream's round; in it exactly while something is queued.</summary>
internal sealed class CallState(StreamState stream, ulong number) : Chained<CallState>
{
    // A call of one input, number 0, has no table; one none of whose inputs is settled has no set.
    private InputState? _first;
    private IndexTable<InputState>? _others;
    private IndexSet? _settled;
    private Chain<InputState> _queue;

    public StreamState Stream { get; } = stream;

    public ulong Number { get; } = number;

    /// <summary>Inputs that are not acknowledged yet.</summary>
    public int Live => (_first is null ? 0 : 1) + (_others?.Count ?? 0);

    public ref Chain<InputState> Queue => ref _queue;

    /// <summary>Not to be changed meanwhile by adding or settling.</summary>
    public IEnumerable<InputState> Inputs => (_first is null ? [] : (IEnumerable<InputState>)[_first]).Concat(_others?.Values ?? []);

    /// <summary>Whether input 0 is settled and nothing else is known of the call.</summary>
    public bool IsSettledUnary => Live == 0 && _settled?.IsExactly(0) == true;

    public InputState? Find(ulong index) => index == 0 ? _first : _others?.Find(index);

    public void Add(InputState input)
    {
        if (input.Index == 0)
        {
            _first = input;
        }
        else
        {
            (_others ??= new IndexTable<InputState>()).Add(input.Index, input);
        }
    }

    /// <summary>Whether the input's result was acknowledged: if it comes again it is ignored.</summary>
    public bool IsSettled(ulong index) => _settled?.Contains(index) == true;

    public void Settle(ulong index)
    {
        if (index == 0)
        {
            _first = null;
        }
        else
        {
            _others?.Remove(index);
        }

        (_settled ??= new IndexSet()).Add(index);
    }
}
