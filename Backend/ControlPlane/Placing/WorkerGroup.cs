namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Workers of one pool and region with the same models of GPUs, and where among them there is room.</summary>
internal sealed class WorkerGroup(string pool, string region, IReadOnlyList<string> models)
{
    private readonly List<WorkerCapacity> _workers = [];

    public string Pool { get; } = pool;

    public string Region { get; } = region;

    /// <summary>Different models of GPUs, sorted.</summary>
    public IReadOnlyList<string> Models { get; } = models;

    public IReadOnlyList<WorkerCapacity> Workers => _workers;

    public CapacityTree Room { get; } = new();

    /// <summary>Position in the list of groups.</summary>
    public int Index { get; set; }

    /// <summary>Where the last container went; packing goes on there.</summary>
    public WorkerCapacity? LastUsed { get; set; }

    public bool Is(string pool, string region, IReadOnlyList<string> models) => Pool == pool && Region == region && Models.SequenceEqual(models, StringComparer.Ordinal);

    public void Add(WorkerCapacity worker)
    {
        (worker.Group, worker.Slot) = (this, _workers.Count);
        _workers.Add(worker);
        Update(worker);
    }

    public void Remove(WorkerCapacity worker)
    {
        var last = _workers[^1];
        _workers[worker.Slot] = last;
        last.Slot = worker.Slot;
        _workers.RemoveAt(_workers.Count - 1);
        Room.Set(_workers.Count, CapacityTree.Closed);
        if (last != worker)
        {
            Update(last);
        }

        LastUsed = LastUsed == worker ? null : LastUsed;
    }

    /// <summary>The worker's room has changed.</summary>
    public void Update(WorkerCapacity worker) => Room.Set(worker.Slot, worker.IsOpen ? worker.Free : CapacityTree.Closed);
}
