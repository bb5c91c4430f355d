namespace Modal.Backend.ControlPlane.Placing;

/// <summary>
/// Puts containers on workers, and keeps those waiting for which there is no room. Pure: no clock, no network, random choices from a seed; operations return what
/// happened, and the same operations give the same events. One caller at a time.
/// </summary>
/// <remarks>
/// No decision looks at all workers. They are grouped by pool, region and GPUs, each group keeps its free room in a <see cref="CapacityTree"/>, and the best of some
/// that have room is taken. Requests that the same workers can hold are of one <see cref="NeedClass"/>: once there is no room for one of them, the others wait without
/// being looked for, and only a worker that gains room is offered to them.
/// </remarks>
internal sealed partial class Placement(QuotaOptions? quota = null, ulong seed = 1)
{
    /// <summary>How long a request that no worker can ever hold waits for one that can: a daemon's own worker registers a moment after it starts.</summary>
    public const long GraceMs = 10_000;

    /// <summary>After this long a request that smaller ones pass gets a worker to itself: longer than most containers take to come and go.</summary>
    public const long StarvationMs = 30_000;

    // Classes nothing waits in are kept to save making them again; this many need a few MB.
    private const int MaxIdleClasses = 4096;

    private readonly QuotaOptions _quota = quota ?? new QuotaOptions();
    private readonly Dictionary<string, WorkerCapacity> _workers = new(StringComparer.Ordinal);
    private readonly List<WorkerGroup> _groups = [];
    private readonly Dictionary<string, Holding> _holdings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PlacedContainer> _placed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WaitingItem> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WaitingItem> _gathering = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NeedClass> _classes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Usage> _apps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Usage> _functions = new(StringComparer.Ordinal);

    // What all workers have, and what all containers take.
    private readonly Usage _total = new("", null);
    private readonly Usage _used = new("", null);

    // Of the running operation.
    private readonly List<WorkerCapacity> _gained = [];
    private readonly List<WorkerCapacity> _offered = [];
    private List<PlacementEvent> _events = [];
    private long _now;

    private int _groupsVersion;
    private long _sequence;
    private ulong _random = seed;
    private long _considered;

    public IReadOnlyCollection<WorkerCapacity> Workers => _workers.Values;

    public IReadOnlyCollection<PlacedContainer> Placed => _placed.Values;

    /// <summary>Whether something waits for room that other containers have.</summary>
    public bool IsFull => _requests.Count > 0 && _classes.Values.Any(static c => c.IsPossible && c.Queues.Count > 0);

    /// <summary>Functions that have containers.</summary>
    public IEnumerable<string> PlacedFunctions => _functions.Where(static f => f.Value.Containers > 0).Select(static f => f.Key);

    /// <summary>Requests that have no place yet.</summary>
    public int Waiting => _requests.Count;

    /// <summary>Workers and nodes of trees that were looked at so far: what decisions cost, on any machine.</summary>
    public long Looks => _considered + _groups.Sum(static g => g.Room.Visits);

    /// <summary>What waits, the members of a cluster as one.</summary>
    public IEnumerable<WaitingItem> WaitingItems => _requests.Values.Distinct();

    /// <summary>Whether the container waits for a place.</summary>
    public bool IsWaiting(string containerId) => _requests.ContainsKey(containerId);

    public IReadOnlyList<PlacementEvent> AddWorker(WorkerDescription description, long now)
    {
        Begin(now);
        Forget(description.Session);
        string[] models = [.. description.Gpus.Take(WorkerCapacity.MaxGpus).Select(g => g.Model).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var worker = new WorkerCapacity(description, models);
        _workers.Add(worker.Session, worker);
        var isNew = false;
        var group = _groups.Find(g => g.Is(description.Pool, description.Region, models));
        if (group is null)
        {
            group = new WorkerGroup(description.Pool, description.Region, models) { Index = _groups.Count };
            _groups.Add(group);
            _groupsVersion++;
            isNew = true;
        }

        group.Add(worker);
        _total.Add(worker.MilliCores, worker.MemoryMiB, worker.Gpus.Count, 1);
        foreach (var need in _full)
        {
            if (!need.IsPossible && IsPossible(need))
            {
                need.IsPossible = true;
            }

            if (isNew)
            {
                Explain(need);
            }
        }

        Gain(worker);
        return End();
    }

    /// <summary>The worker is gone with all its containers. Their functions ask again by themselves.</summary>
    public IReadOnlyList<PlacementEvent> RemoveWorker(string session, long now)
    {
        Begin(now);
        Forget(session);
        return End();
    }

    /// <summary>The worker takes nothing new, and the functions of its containers are told to replace them.</summary>
    public IReadOnlyList<PlacementEvent> Drain(string session, long now)
    {
        Begin(now);
        if (_workers.TryGetValue(session, out var worker) && !worker.IsDraining)
        {
            worker.IsDraining = true;
            Cancel(worker.Reservation);
            worker.Group.Update(worker);
            foreach (var container in worker.Containers)
            {
                _events.Add(new PlacementEvent.Drained(container.Function.Id, container.Id));
            }
        }

        return End();
    }

    /// <summary>Takes requests, and takes back what is asked for no more, all before anything is placed: those of higher priority and with less go first.</summary>
    /// <param name="batch">In order. A container that is given back in the same batch is not placed. Known ones, and unknown ones that are given back, are ignored.</param>
    /// <param name="now">Milliseconds, never falling.</param>
    public IReadOnlyList<PlacementEvent> Handle(IReadOnlyList<PoolRequest> batch, long now)
    {
        Begin(now);
        foreach (var request in batch)
        {
            if (request.Need is null)
            {
                Release(request.ContainerId);
            }
            else if (!_requests.ContainsKey(request.ContainerId) && !_placed.ContainsKey(request.ContainerId))
            {
                Enqueue(request);
            }
        }

        return End();
    }

    /// <summary>Content that lies on the worker's disk now, and what lies there no more.</summary>
    public void UpdateHoldings(string session, IEnumerable<string> added, IEnumerable<string> removed)
    {
        if (!_workers.TryGetValue(session, out var worker))
        {
            return;
        }

        foreach (var key in added)
        {
            if (!_holdings.TryGetValue(key, out var holding))
            {
                _holdings.Add(key, holding = new Holding(key));
            }

            holding.Add(worker);
        }

        foreach (var key in removed)
        {
            if (_holdings.TryGetValue(key, out var holding))
            {
                Remove(holding, worker);
            }
        }
    }

    /// <summary>Containers that start on the worker now.</summary>
    public void ReportStarting(string session, int starting)
    {
        if (_workers.TryGetValue(session, out var worker))
        {
            worker.Starting = starting;
        }
    }

    /// <summary>Time has passed.</summary>
    public IReadOnlyList<PlacementEvent> Wake(long now)
    {
        Begin(now);
        if (_nextCheckMs <= now)
        {
            Check();
        }

        return End();
    }

    /// <summary>When <see cref="Wake"/> has something to do; null if only another operation can change anything.</summary>
    public long? NextWake() => _nextCheckMs == long.MaxValue ? null : _nextCheckMs;

    private void Begin(long now)
    {
        _now = now;
        _effort = MaxEffort;
        _events = [];
    }

    private List<PlacementEvent> End()
    {
        Serve();
        return _events;
    }

    private void Forget(string session)
    {
        if (!_workers.Remove(session, out var worker))
        {
            return;
        }

        worker.IsDraining = true;
        Cancel(worker.Reservation);
        foreach (var container in worker.Containers.ToArray())
        {
            Free(container);
        }

        foreach (var holding in worker.Holdings.Keys.ToArray())
        {
            Remove(holding, worker);
        }

        _total.Add(worker.MilliCores, worker.MemoryMiB, worker.Gpus.Count, -1);
        worker.Group.Remove(worker);
        if (worker.Group.Workers.Count == 0)
        {
            _groups.Remove(worker.Group);
            for (var i = 0; i < _groups.Count; i++)
            {
                _groups[i].Index = i;
            }

            _groupsVersion++;
        }

        foreach (var need in _full)
        {
            need.Witness = need.Witness == worker ? null : need.Witness;
            if (need.IsPossible && !IsPossible(need))
            {
                // The wait for another that could hold it begins now.
                (need.IsPossible, need.ImpossibleSinceMs) = (false, _now);
                CheckAt(_now + GraceMs);
            }

            Explain(need);
        }
    }

    private void Remove(Holding holding, WorkerCapacity worker)
    {
        holding.Remove(worker);
        if (holding.Workers.Count == 0)
        {
            _holdings.Remove(holding.Key);
        }
    }

    private void Release(string containerId)
    {
        if (_requests.TryGetValue(containerId, out var item))
        {
            Withdraw(item, containerId);
        }
        else if (_placed.TryGetValue(containerId, out var container))
        {
            Free(container);
        }
    }

    private void Place(PoolRequest request, Usage function, WorkerCapacity worker, NeedTier tier)
    {
        var container = worker.Take(request, function, tier, tier.ModelsIn(worker.Group), ++_sequence);
        worker.Starting++;
        worker.Group.Update(worker);
        worker.Group.LastUsed = worker;
        _requests.Remove(request.ContainerId);
        _placed.Add(container.Id, container);
        Account(container, 1);
        _events.Add(new PlacementEvent.Placed(function.Id, container.Id, worker.Session, worker.UuidsOf(container)));
    }

    private void Free(PlacedContainer container)
    {
        var worker = container.Worker;
        _placed.Remove(container.Id);
        worker.Release(container);
        worker.Group.Update(worker);
        Account(container, -1);
        container.EvictedFor?.Victims.Remove(container);
        Rank(container.Function);
        ForgetUnused(container.Function);
        foreach (var need in _overQuota)
        {
            MarkDirty(need);
        }

        Gain(worker);
    }

    private void Account(PlacedContainer container, int sign)
    {
        var gpus = System.Numerics.BitOperations.PopCount(container.Gpus);
        container.Function.Add(container.MilliCores, container.MemoryMiB, gpus, sign);
        container.Function.App!.Add(container.MilliCores, container.MemoryMiB, gpus, sign);
        _used.Add(container.MilliCores, container.MemoryMiB, gpus, sign);
        if (container.Need.Spread)
        {
            var there = container.Function.OnWorkers.GetValueOrDefault(container.Worker) + sign;
            if (there > 0)
            {
                container.Function.OnWorkers[container.Worker] = there;
            }
            else
            {
                container.Function.OnWorkers.Remove(container.Worker);
            }
        }

        if (!container.Need.Nonpreemptible)
        {
            CountPreemptible(container.Need.Priority, sign);
        }
    }

    private void Gain(WorkerCapacity worker)
    {
        if (!worker.IsGained && !worker.IsDraining)
        {
            worker.IsGained = true;
            _gained.Add(worker);
        }
    }

    private Usage FunctionOf(PoolRequest request)
    {
        if (!_functions.TryGetValue(request.FunctionId, out var function))
        {
            if (!_apps.TryGetValue(request.AppId, out var app))
            {
                _apps.Add(request.AppId, app = new Usage(request.AppId, null));
            }

            _functions.Add(request.FunctionId, function = new Usage(request.FunctionId, app));
        }

        return function;
    }

    private void ForgetUnused(Usage function)
    {
        if (function.IsUnused)
        {
            _functions.Remove(function.Id);
            if (function.App!.IsUnused)
            {
                _apps.Remove(function.App.Id);
            }
        }
    }

    // SplitMix64: the same choices for the same seed on every machine and version.
    private int Random(int below)
    {
        _random += 0x9E3779B97F4A7C15;
        var x = _random;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        x ^= x >> 31;
        return (int)(((x >> 32) * (ulong)below) >> 32);
    }
}
