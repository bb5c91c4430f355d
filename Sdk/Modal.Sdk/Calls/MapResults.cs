using System.Threading.Channels;
using Modal.Protocol;

namespace Modal.Calls;

/// <summary>
/// Results of one Map on their way to its consumer. Bounded by the window of inputs under way: an input may be sent only for a permit,
/// and a permit comes back when the consumer has taken a result.
/// </summary>
internal sealed class MapResults(int window) : IDisposable
{
    private readonly SemaphoreSlim _permits = new(window);
    private readonly Channel<CallResult> _results = Channel.CreateUnbounded<CallResult>(new UnboundedChannelOptions { SingleReader = true });
    private long _sent;
    private long _received;
    private bool _allSent;

    public ChannelReader<CallResult> Reader => _results.Reader;

    public long Sent => Volatile.Read(ref _sent);

    public long Received => Volatile.Read(ref _received);

    public Task WaitForPermitAsync(CancellationToken cancellationToken) => _permits.WaitAsync(cancellationToken);

    public void ReturnPermit() => _permits.Release();

    public void OnSent() => Interlocked.Increment(ref _sent);

    public void Add(CallResult result)
    {
        _results.Writer.TryWrite(result);
        Interlocked.Increment(ref _received);
        CompleteIfDone();
    }

    /// <summary>No input follows; the results end with the last one outstanding.</summary>
    public void AllSent()
    {
        Volatile.Write(ref _allSent, true);
        CompleteIfDone();
    }

    public void Fail(Exception reason) => _results.Writer.TryComplete(reason);

    public void Dispose() => _permits.Dispose();

    private void CompleteIfDone()
    {
        if (Volatile.Read(ref _allSent) && Received == Sent)
        {
            _results.Writer.TryComplete();
        }
    }
}
