using Modal.Protocol;

namespace Modal.Calls;

/// <summary>An input that was handed to a stream and has no final result yet. Its numbers are its idempotency key: it is sent again under them after a lost connection.</summary>
internal abstract class PendingInput(ulong call, ulong index, int method, Payload arguments)
{
    public ulong Call => call;

    public ulong Index => index;

    /// <summary>Elements of a streaming input received so far.</summary>
    protected ulong YieldsReceived { get; set; }

    public Input ToMessage() => new() { Call = call, Index = index, Method = method, Arguments = arguments, YieldsReceived = YieldsReceived };

    /// <summary>Takes a result. Called on the reading loop under the stream's lock: must not block, nor run the caller's code.</summary>
    /// <returns>True if the input is finished.</returns>
    public abstract bool OnResult(CallResult result);

    /// <summary>No result will come any more.</summary>
    public abstract void OnAbandoned(Exception reason);
}
