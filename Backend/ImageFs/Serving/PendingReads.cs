using System.Collections.Concurrent;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>The reads of a session that wait for bytes from elsewhere, so that the kernel can interrupt them. The kernel bounds their number.</summary>
internal sealed class PendingReads
{
    private readonly ConcurrentDictionary<ulong, CancellationTokenSource> _reads = new();

    public int Count => _reads.Count;

    public CancellationToken Add(ulong unique)
    {
        var cancellation = new CancellationTokenSource();
        _reads[unique] = cancellation;
        return cancellation.Token;
    }

    public void Remove(ulong unique)
    {
        if (_reads.TryRemove(unique, out var cancellation))
        {
            cancellation.Dispose();
        }
    }

    public void Interrupt(ulong unique)
    {
        if (_reads.TryRemove(unique, out var cancellation))
        {
            // Not here: what hangs on the token would run on the thread that serves requests.
            _ = cancellation.CancelAsync();
        }
    }

    public void InterruptAll()
    {
        foreach (var unique in _reads.Keys)
        {
            Interrupt(unique);
        }
    }
}
