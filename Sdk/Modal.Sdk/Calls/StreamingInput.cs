using System.Threading.Channels;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>The one input of a call to a streaming function.</summary>
internal sealed class StreamingInput(ulong call, int method, Payload arguments) : PendingInput(call, 0, method, arguments)
{
    // Unbounded because the reading loop serves every call of the function and may not wait for one caller;
    // the container's own back-pressure window bounds what is under way.
    private readonly Channel<Payload> _items = Channel.CreateUnbounded<Payload>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    public ChannelReader<Payload> Items => _items.Reader;

    public override bool OnResult(CallResult result)
    {
        switch (result.OutcomeCase)
        {
            case CallResult.OutcomeOneofCase.Yield:
                // After a re-run the container begins from the first element: what was delivered is not delivered again.
                if (result.YieldIndex == YieldsReceived)
                {
                    YieldsReceived++;
                    _items.Writer.TryWrite(result.Yield);
                }

                return false;
            case CallResult.OutcomeOneofCase.Failure:
                _items.Writer.TryComplete(FailureErrors.ToException(result.Failure));
                return true;
            default:
                _items.Writer.TryComplete();
                return true;
        }
    }

    public override void OnAbandoned(Exception reason) => _items.Writer.TryComplete(reason);
}
