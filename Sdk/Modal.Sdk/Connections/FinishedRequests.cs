using System.Collections.Concurrent;

namespace Modal.Connections;

/// <summary>Ids of requests whose answers have arrived: the next request tells the server, which then forgets them.</summary>
internal sealed class FinishedRequests
{
    // More would make a request larger than what it asks for; what is left goes with the next, and the server forgets by itself after some minutes.
    private const int MaxAtOnce = 64;

    private readonly ConcurrentQueue<string> _ids = new();

    public void Add(string requestId) => _ids.Enqueue(requestId);

    public void TakeTo(ICollection<string> request)
    {
        while (request.Count < MaxAtOnce && _ids.TryDequeue(out var id))
        {
            request.Add(id);
        }
    }
}
