using Grpc.Core;
using Modal.Apps;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>Stores inputs of a function's detached calls on the server. Those of many callers that wait at the same time travel together.</summary>
internal sealed class DetachedInputs(AppSession session, FunctionStream stream)
{
    // Bounds of one request: enough that a sync of the server's disk is shared by many, little enough that it is not late.
    private const int MaxInputs = 1000;
    private const long MaxBytes = 4 * 1024 * 1024;

    // While one is being stored others are sent.
    private const int MaxRequests = 4;
    private const int MaxAttempts = 10;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private readonly System.Collections.Generic.Queue<(CallPart Part, TaskCompletionSource Stored)> _waiting = new();
    private int _requests;

    /// <summary>Ends when the inputs are on the server's disk.</summary>
    public Task StoreAsync(CallPart part)
    {
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waiting.Enqueue((part, stored));
            if (_requests == MaxRequests)
            {
                return stored.Task;
            }

            _requests++;
        }

        _ = SendAllAsync();
        return stored.Task;
    }

    private async Task SendAllAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            try
            {
                await SendAsync(new PutCallsRequest { AppId = session.AppId, FunctionId = stream.FunctionId, Parts = { batch.Select(static b => b.Part) } }).ConfigureAwait(false);
                batch.ForEach(static b => b.Stored.SetResult());
            }
#pragma warning disable CA1031 // Whatever went wrong belongs to those who wait.
            catch (Exception e)
            {
                var error = e is RpcException rpc ? GrpcErrors.ToException(rpc) : e;
                batch.ForEach(b => b.Stored.SetException(error));
            }
#pragma warning restore CA1031
        }
    }

    private List<(CallPart Part, TaskCompletionSource Stored)> Take()
    {
        var batch = new List<(CallPart, TaskCompletionSource)>();
        lock (_gate)
        {
            var (inputs, bytes) = (0, 0L);
            while (_waiting.TryPeek(out var next) && (batch.Count == 0 || (inputs + next.Part.Inputs.Count <= MaxInputs && bytes < MaxBytes)))
            {
                inputs += next.Part.Inputs.Count;
                bytes += next.Part.Inputs.Sum(static i => (long)(i.Arguments?.Inline.Length ?? 0));
                batch.Add(_waiting.Dequeue());
            }

            if (batch.Count == 0)
            {
                _requests--;
            }
        }

        return batch;
    }

    // The server ignores what it has: a request whose answer was lost is made again.
    private async Task SendAsync(PutCallsRequest request)
    {
        for (var attempt = 1; ; attempt++)
        {
            AppConnection? connection = null;
            try
            {
                connection = await stream.EnsureFunctionAsync(CancellationToken.None).ConfigureAwait(false);
                await connection.Calls.PutAsync(request).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (FunctionStream.IsBroken(e) && attempt < MaxAttempts)
            {
                if (connection is not null)
                {
                    session.Lost(connection);
                }
            }

            await Task.Delay(s_pause * attempt).ConfigureAwait(false);
        }
    }
}
