namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Content that lies on some workers' disks: code, an image, a snapshot.</summary>
internal sealed class Holding(string key)
{
    private readonly List<WorkerCapacity> _workers = [];

    public string Key { get; } = key;

    public IReadOnlyList<WorkerCapacity> Workers => _workers;

    public void Add(WorkerCapacity worker)
    {
        if (worker.Holdings.TryAdd(this, _workers.Count))
        {
            _workers.Add(worker);
        }
    }

    public void Remove(WorkerCapacity worker)
    {
        if (worker.Holdings.Remove(this, out var at))
        {
            var last = _workers[^1];
            _workers.RemoveAt(_workers.Count - 1);
            if (last != worker)
            {
                _workers[at] = last;
                last.Holdings[this] = at;
            }
        }
    }
}
