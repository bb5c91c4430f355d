namespace Modal.Backend.ControlPlane.Functions;

/// <summary>
/// Requests that a grain sends to another in order, many at a time, without waiting for the answer in the turn that made them. Used from the turns of one grain.
/// </summary>
internal sealed class GrainRequests<T>(Func<IReadOnlyList<T>, Task> send)
{
    private List<T> _waiting = [];
    private bool _sending;

    /// <summary>Ends when everything queued so far has been handled; faults if the other grain failed.</summary>
    public Task Sent { get; private set; } = Task.CompletedTask;

    public void Add(T request)
    {
        _waiting.Add(request);
        if (!_sending)
        {
            _sending = true;
            Sent = SendAllAsync();
        }
    }

    private async Task SendAllAsync()
    {
        try
        {
            // The turn that queued the first may queue more.
            await Task.Yield();
            while (_waiting.Count > 0)
            {
                var batch = _waiting;
                _waiting = [];
                await send(batch);
            }
        }
        finally
        {
            _sending = false;
        }
    }
}
