using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

internal enum InputPhase
{
    /// <summary>In the queue of its call, or among the suspects.</summary>
    Queued,

    /// <summary>Waits for the time of its next attempt.</summary>
    Delayed,

    /// <summary>In a container.</summary>
    Running,

    /// <summary>Has its final result, which the client has not acknowledged yet. May still hold a place in a container if it was cancelled there.</summary>
    Finished,
}

/// <summary>One input from its arrival until its result is acknowledged and no container holds it.</summary>
internal sealed class InputState
{
    public InputState(CallState call, Input message)
    {
        Call = call;
        Index = message.Index;
        Method = message.Method;
        Arguments = message.Arguments;
        NextYield = message.YieldsReceived;
        Ref = new InputRef { StreamId = call.Stream.Id, Call = call.Number, Index = message.Index };
        Node = new LinkedListNode<InputState>(this);
    }

    public CallState Call { get; }

    public ulong Index { get; }

    public InputRef Ref { get; }

    public int Method { get; }

    public Payload? Arguments { get; private set; }

    public InputPhase Phase { get; set; } = InputPhase.Queued;

    /// <summary>Number of the last attempt; zero before the first.</summary>
    public int Attempt { get; set; }

    public int RetriesUsed { get; set; }

    /// <summary>How often a container was lost that held it.</summary>
    public int Losses { get; set; }

    /// <summary>May have killed its container: runs alone until it has a result.</summary>
    public bool IsSuspect { get; set; }

    /// <summary>Position of the next yield that the client lacks.</summary>
    public ulong NextYield { get; set; }

    public ContainerState? Container { get; set; }

    /// <summary>Its place in the one list it is in: a queue, the suspects, or a container's inputs.</summary>
    public LinkedListNode<InputState> Node { get; }

    public void Finish()
    {
        Phase = InputPhase.Finished;
        // Results may wait long for a slow client; arguments need not wait with them.
        Arguments = null;
    }
}
