using System.Runtime.Intrinsics;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Requests that the same workers can hold: if one of them fits nowhere, none does.</summary>
internal sealed class NeedClass
{
    private readonly NeedTier[] _tiers;
    private int _groupsVersion = -1;

    public NeedClass(string key, ResourceNeed need, int size)
    {
        (Key, Need, Size) = (key, need, size);
        // What cannot be read was refused when the function was added.
        var alternatives = GpuRequest.TryParse(need.Gpu, out var read, out _) ? read : [];
        var (cores, memory, disk) = (WorkerCapacity.MilliCoresOf(need.CpuCores), (int)Math.Min(need.MemoryMiB, int.MaxValue), (int)Math.Min(need.DiskMiB, int.MaxValue));

        // What needs no GPU goes to workers that have none, as long as it can.
        _tiers = alternatives.Count > 0
            ? [.. alternatives.Select(a => new NeedTier(Vector128.Create(cores, memory, disk, a.Count), a, null))]
            : [new NeedTier(Vector128.Create(cores, memory, disk, 0), null, false), new NeedTier(Vector128.Create(cores, memory, disk, 0), null, true)];
    }

    public string Key { get; }

    /// <summary>The need of one of them.</summary>
    public ResourceNeed Need { get; }

    /// <summary>Containers of one request: more than one for a cluster.</summary>
    public int Size { get; }

    /// <summary>What waits, in the order in which it is served.</summary>
    public SortedSet<WaitingQueue> Queues { get; } = new(QueueOrder.Instance);

    /// <summary>Was looked for everywhere in vain: it is looked for again only where room was gained.</summary>
    public bool IsFull { get; set; }

    /// <summary>Waits for the workspace's quota.</summary>
    public bool IsOverQuota { get; set; }

    /// <summary>Is to be looked for in the running operation.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Whether the workers there are could hold it if they were empty.</summary>
    public bool IsPossible { get; set; }

    /// <summary>Since when they could not.</summary>
    public long ImpossibleSinceMs { get; set; }

    /// <summary>A worker that could hold it if it were empty.</summary>
    public WorkerCapacity? Witness { get; set; }

    /// <summary>When a cluster may be looked for again; looking for one costs more than for a single container.</summary>
    public long SearchAgainMs { get; set; }

    public string Reason { get; set; } = "";

    /// <summary>Ways to satisfy the need, the best first.</summary>
    public NeedTier[] TiersFor(IReadOnlyList<WorkerGroup> groups, int version)
    {
        if (_groupsVersion != version)
        {
            _groupsVersion = version;
            foreach (var tier in _tiers)
            {
                tier.Match(Need, groups);
            }
        }

        return _tiers;
    }
}

/// <summary>One way to satisfy a need: what is taken, and of which groups of workers.</summary>
/// <param name="want">Thousandths of cores, memory, disk, GPUs.</param>
/// <param name="gpu">Which GPUs; null for none.</param>
/// <param name="onGpuWorkers">Whether only workers with GPUs, or only those without, are meant.</param>
internal sealed class NeedTier(Vector128<int> want, GpuRequest? gpu, bool? onGpuWorkers)
{
    private readonly List<WorkerGroup> _groups = [];
    private ulong[] _models = [];

    public Vector128<int> Want { get; } = want;

    public List<WorkerGroup> Groups => _groups;

    public bool Includes(WorkerGroup group) => _models[group.Index] != 0;

    /// <summary>Which of the group's models of GPUs will do, a bit for each. Not zero if the group is meant.</summary>
    public ulong ModelsIn(WorkerGroup group) => _models[group.Index];

    public void Match(ResourceNeed need, IReadOnlyList<WorkerGroup> groups)
    {
        _groups.Clear();
        _models = new ulong[groups.Count];
        foreach (var group in groups)
        {
            if (group.Pool == need.Pool && (need.Regions.Count == 0 || need.Regions.Contains(group.Region, StringComparer.Ordinal)))
            {
                _models[group.Index] = gpu is null ? (group.Models.Count > 0 == onGpuWorkers ? ulong.MaxValue : 0) : Accepted(group, gpu);
                if (_models[group.Index] != 0)
                {
                    _groups.Add(group);
                }
            }
        }
    }

    private static ulong Accepted(WorkerGroup group, GpuRequest gpu)
    {
        var models = 0UL;
        for (var i = 0; i < group.Models.Count; i++)
        {
            models |= gpu.Accepts(group.Models[i]) ? 1UL << i : 0;
        }

        return models;
    }
}
