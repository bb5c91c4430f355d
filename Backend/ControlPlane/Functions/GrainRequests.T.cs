using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Hosting;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>
/// Requests that a grain sends to another in order, many at a time, without waiting for the answer in the turn that made them. What the other grain did not take is
/// sent again until it does, so it may come twice: handling it must have the same effect then. Used from the turns of one grain.
/// </summary>
internal sealed class GrainRequests<T>(Func<IReadOnlyList<T>, Task> send, TimeProvider time, ILogger logger) : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private List<T> _waiting = [];

    /// <summary>Nothing is waiting or on its way.</summary>
    public bool IsIdle { get; private set; } = true;

    /// <summary>Ends when everything queued so far has been handled, or sending was ended.</summary>
    public Task Sent { get; private set; } = Task.CompletedTask;

    public void Add(T request)
    {
        _waiting.Add(request);
        if (IsIdle && !_stop.IsCancellationRequested)
        {
            IsIdle = false;
            Sent = SendAllAsync();
        }
    }

    /// <summary>Ends sending; what was not taken is dropped.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task SendAllAsync()
    {
        var stop = _stop.Token;
        // The turn that queued the first may queue more.
        await Task.Yield();
        while (_waiting.Count > 0 && !stop.IsCancellationRequested)
        {
            var batch = _waiting;
            _waiting = [];
            await Retrying.UntilDoneAsync(() => send(batch), time, logger, stop);
        }

        IsIdle = true;
    }
}
