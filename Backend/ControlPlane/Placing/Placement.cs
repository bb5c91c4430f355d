using System.Globalization;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>
/// Puts containers on workers: on the least loaded that has room, never more than a worker has. Requests wait in order, but a small one may pass a large one
/// that does not fit yet. Pure: no clock, no network; operations return what happened.
/// </summary>
internal sealed class Placement
{
    /// <summary>How long a request that no worker can ever hold waits for one that can: a daemon's own worker registers a moment after it starts.</summary>
    public const long GraceMs = 10_000;

    private readonly Dictionary<string, WorkerCapacity> _workers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WorkerCapacity> _placed = new(StringComparer.Ordinal);
    private readonly LinkedList<PendingRequest> _waiting = new();
    private readonly Dictionary<string, LinkedListNode<PendingRequest>> _requests = new(StringComparer.Ordinal);

    public IReadOnlyCollection<WorkerCapacity> Workers => _workers.Values;

    public int Waiting => _waiting.Count;

    public IReadOnlyList<PlacementEvent> AddWorker(string session, double cpuCores, long memoryMiB, long now)
    {
        _workers[session] = new WorkerCapacity(session, cpuCores, memoryMiB);
        return PlaceWaiting(now);
    }

    /// <summary>The worker is gone with all its containers. Their functions ask again by themselves.</summary>
    public IReadOnlyList<PlacementEvent> RemoveWorker(string session, long now)
    {
        if (_workers.Remove(session, out var worker))
        {
            foreach (var container in _placed.Where(p => p.Value == worker).Select(p => p.Key).ToArray())
            {
                _placed.Remove(container);
            }
        }

        return PlaceWaiting(now);
    }

    public IReadOnlyList<PlacementEvent> Request(string functionId, string containerId, ResourceNeed need, long now)
    {
        if (!_requests.ContainsKey(containerId) && !_placed.ContainsKey(containerId))
        {
            _requests.Add(containerId, _waiting.AddLast(new PendingRequest(functionId, containerId, need, now)));
        }

        return PlaceWaiting(now);
    }

    /// <summary>The container is gone or not wanted any more. Unknown ones are ignored.</summary>
    public IReadOnlyList<PlacementEvent> Release(string containerId, long now)
    {
        if (_requests.Remove(containerId, out var request))
        {
            _waiting.Remove(request);
        }

        if (_placed.Remove(containerId, out var worker))
        {
            worker.Release(containerId);
        }

        return PlaceWaiting(now);
    }

    public IReadOnlyList<PlacementEvent> Wake(long now) => PlaceWaiting(now);

    /// <summary>When a waiting request has to be given up; null if none has.</summary>
    public long? NextWake() => _waiting.Where(r => !r.IsPossible).Select(r => (long?)(r.SinceMs + GraceMs)).Min();

    private List<PlacementEvent> PlaceWaiting(long now)
    {
        var events = new List<PlacementEvent>();
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            Place(node, now, events);
            node = next;
        }

        return events;
    }

    private void Place(LinkedListNode<PendingRequest> node, long now, List<PlacementEvent> events)
    {
        var request = node.Value;
        var worker = _workers.Values.Where(w => w.CanHold(request.Need)).MinBy(w => w.LoadWith(request.Need));
        if (worker is not null)
        {
            worker.Take(request.ContainerId, request.Need);
            _placed.Add(request.ContainerId, worker);
            Forget(node);
            events.Add(new PlacementEvent.Placed(request.FunctionId, request.ContainerId, worker.Session));
            return;
        }

        var possible = _workers.Values.Any(w => w.CanEverHold(request.Need));
        if (request.IsPossible && !possible)
        {
            // The worker that could have held it is gone; the wait for another begins now.
            request.SinceMs = now;
        }

        request.IsPossible = possible;
        var reason = possible ? "all workers are full" : WhyImpossible(request.Need);
        if (!possible && now - request.SinceMs >= GraceMs)
        {
            Forget(node);
            events.Add(new PlacementEvent.Impossible(request.FunctionId, request.ContainerId, reason));
        }
        else if (request.Reason != reason)
        {
            request.Reason = reason;
            events.Add(new PlacementEvent.Waiting(request.FunctionId, request.ContainerId, reason));
        }
    }

    private void Forget(LinkedListNode<PendingRequest> node)
    {
        _waiting.Remove(node);
        _requests.Remove(node.Value.ContainerId);
    }

    private string WhyImpossible(ResourceNeed need)
    {
        if (_workers.Count == 0)
        {
            return "no worker is connected";
        }

        if (need.Gpu.Length > 0)
        {
            return $"no worker has the GPU {need.Gpu}";
        }

        var cores = _workers.Values.Max(w => w.CpuCores);
        var memory = _workers.Values.Max(w => w.MemoryMiB);
        if (need.CpuCores > cores)
        {
            return string.Create(CultureInfo.InvariantCulture, $"no worker has {need.CpuCores:0.###} cores; the largest has {cores:0.###}");
        }

        return need.MemoryMiB > memory
            ? string.Create(CultureInfo.InvariantCulture, $"no worker has {need.MemoryMiB} MiB of memory; the largest has {memory}")
            : string.Create(CultureInfo.InvariantCulture, $"no single worker has both {need.CpuCores:0.###} cores and {need.MemoryMiB} MiB of memory");
    }

    private sealed class PendingRequest(string functionId, string containerId, ResourceNeed need, long sinceMs)
    {
        public string FunctionId { get; } = functionId;

        public string ContainerId { get; } = containerId;

        public ResourceNeed Need { get; } = need;

        public long SinceMs { get; set; } = sinceMs;

        public bool IsPossible { get; set; }

        public string Reason { get; set; } = "";
    }
}
