using Modal.Backend.Worker.Containers;
using Modal.Protocol;

namespace Modal.Backend.Worker.Session;

/// <summary>
/// What this worker has on its disk since it started: code, images and snapshots, by <see cref="LocalKeys"/>. The server prefers workers that have what a container needs. Each session is told all of it, then
/// what changes. Safe from many threads.
/// </summary>
internal sealed class Holdings
{
    // As many as a server wants to know of one worker; the ones that came first are forgotten, and cost others a slower start at most.
    private const int MaxKeys = 10_000;

    private readonly Lock _gate = new();
    private readonly LinkedList<string> _order = [];
    private readonly Dictionary<string, LinkedListNode<string>> _keys = new(StringComparer.Ordinal);
    private IOutbox? _session;

    /// <summary>Tells a session all there is, and from now on what changes; null if there is none.</summary>
    public void Attach(IOutbox? session)
    {
        lock (_gate)
        {
            _session = session;
            if (session is not null && _keys.Count > 0)
            {
                var all = new WorkerHoldings();
                all.Added.AddRange(_order);
                session.Post(new WorkerMessage { Holdings = all });
            }
        }
    }

    /// <summary>It is here.</summary>
    public void Add(string key)
    {
        lock (_gate)
        {
            if (_keys.TryGetValue(key, out var known))
            {
                _order.Remove(known);
                _order.AddLast(known);
                return;
            }

            _keys.Add(key, _order.AddLast(key));
            var change = new WorkerHoldings { Added = { key } };
            if (_keys.Count > MaxKeys)
            {
                change.Removed.Add(_order.First!.Value);
                _keys.Remove(_order.First.Value);
                _order.RemoveFirst();
            }

            _session?.Post(new WorkerMessage { Holdings = change });
        }
    }

    /// <summary>It is gone.</summary>
    public void Remove(string key)
    {
        lock (_gate)
        {
            if (_keys.Remove(key, out var node))
            {
                _order.Remove(node);
                _session?.Post(new WorkerMessage { Holdings = new WorkerHoldings { Removed = { key } } });
            }
        }
    }
}
