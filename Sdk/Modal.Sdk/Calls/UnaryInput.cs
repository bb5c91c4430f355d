using Modal.Protocol;

namespace Modal.Calls;

/// <summary>The one input of a CallAsync.</summary>
internal sealed class UnaryInput(ulong call, int method, Payload arguments) : PendingInput(call, 0, method, arguments)
{
    // The caller's continuation is foreign code: it must not run on the reading loop.
    private readonly TaskCompletionSource<CallResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<CallResult> Result => _result.Task;

    public override bool OnResult(CallResult result)
    {
        if (result.OutcomeCase == CallResult.OutcomeOneofCase.Yield)
        {
            return false;
        }

        _result.TrySetResult(result);
        return true;
    }

    public override void OnAbandoned(Exception reason) => _result.TrySetException(reason);

    public void Cancel(CancellationToken cancellationToken) => _result.TrySetCanceled(cancellationToken);
}
