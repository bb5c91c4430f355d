using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

internal enum InputPhase : byte
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

/// <summary>
/// One input from its arrival until its result is acknowledged and no container holds it. A million of them may wait, so it holds no object that it can do without. Its links are its
/// place in the one list it is in: a queue, the suspects, or a container's inputs.
/// </summary>
internal sealed class InputState : Chained<InputState>
{
    // The bytes alone where that is all there is to the payload, which is nearly always; else the payload; null if there is none.
    private object? _arguments;

    public InputState(CallState call, Input message, long now)
    {
        Call = call;
        Index = message.Index;
        Method = message.Method;
        NextYield = message.YieldsReceived;
        ArrivedMs = now;
        var payload = message.Arguments;
        _arguments = payload is { Format: PayloadFormat.Messagepack, ContentCase: Payload.ContentOneofCase.Inline } && (payload.SizeBytes == 0 || payload.SizeBytes == payload.Inline.Length) ? payload.Inline : payload;
    }

    public CallState Call { get; }

    public ulong Index { get; }

    public long ArrivedMs { get; }

    public int Method { get; }

    public InputPhase Phase { get; set; } = InputPhase.Queued;

    /// <summary>May have killed its container: runs alone until it has a result.</summary>
    public bool IsSuspect { get; set; }

    public byte RetriesUsed { get; set; }

    /// <summary>How often a container was lost that held it.</summary>
    public byte Losses { get; set; }

    /// <summary>Number of the last attempt; zero before the first.</summary>
    public int Attempt { get; set; }

    /// <summary>Position of the next yield that the client lacks.</summary>
    public ulong NextYield { get; set; }

    public ContainerState? Container { get; set; }

    public Payload? Arguments => _arguments is ByteString bytes
        ? new Payload { Format = PayloadFormat.Messagepack, Inline = bytes, SizeBytes = bytes.Length }
        : (Payload?)_arguments;

    public InputRef Ref => new() { StreamId = Call.Stream.Id, Call = Call.Number, Index = Index };

    public void Finish()
    {
        Phase = InputPhase.Finished;
        // Results may wait long for a slow client; arguments need not wait with them.
        _arguments = null;
    }
}
