using System.Numerics;
using System.Runtime.Intrinsics;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>A worker as placement sees it: what it has, and what its containers take.</summary>
internal sealed class WorkerCapacity
{
    /// <summary>GPUs of one worker that are used; their owners are bits of a word.</summary>
    public const int MaxGpus = 64;

    private readonly List<PlacedContainer> _containers = [];
    private readonly ulong[] _models;
    private ulong _freeGpus;
    private int _milliCoresUsed;
    private int _memoryMiBUsed;
    private int _diskMiBUsed;

    public WorkerCapacity(WorkerDescription description, IReadOnlyList<string> models)
    {
        Description = description;
        Gpus = [.. description.Gpus.Take(MaxGpus)];
        MilliCores = MilliCoresOf(description.CpuCores);
        MemoryMiB = Limited(description.MemoryMiB);
        DiskMiB = Limited(description.DiskMiB);
        _models = new ulong[models.Count];
        for (var i = 0; i < Gpus.Count; i++)
        {
            _models[models.ToList().IndexOf(Gpus[i].Model)] |= 1UL << i;
            _freeGpus |= 1UL << i;
        }

        MostGpus = MostOf(_freeGpus);
        Update();
    }

    public WorkerDescription Description { get; }

    public string Session => Description.Session;

    public IReadOnlyList<GpuDevice> Gpus { get; }

    public int MilliCores { get; }

    public int MemoryMiB { get; }

    public int DiskMiB { get; }

    /// <summary>GPUs of the model of which it has most.</summary>
    public int MostGpus { get; }

    public double CpuCores => MilliCores / 1000.0;

    public double CpuCoresUsed => _milliCoresUsed / 1000.0;

    public long MemoryMiBUsed => _memoryMiBUsed;

    public long DiskMiBUsed => _diskMiBUsed;

    public int GpusUsed => Gpus.Count - BitOperations.PopCount(_freeGpus);

    public IReadOnlyList<PlacedContainer> Containers => _containers;

    /// <summary>Free now: thousandths of cores, memory, disk, and GPUs of the model of which most are free.</summary>
    public Vector128<int> Free { get; private set; }

    /// <summary>All it has, in the same order.</summary>
    public Vector128<int> Total => Vector128.Create(MilliCores, MemoryMiB, DiskMiB, MostGpus);

    public WorkerGroup Group { get; set; } = null!;

    /// <summary>Position in its group.</summary>
    public int Slot { get; set; }

    /// <summary>About to stop: nothing new comes here.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Whom all its room is kept for.</summary>
    public Reservation? Reservation { get; set; }

    /// <summary>Whether anybody may be placed here.</summary>
    public bool IsOpen => !IsDraining && Reservation is null;

    /// <summary>Containers that start there now: those it reported, and those placed since.</summary>
    public int Starting { get; set; }

    /// <summary>Lowest priority among containers that may be evicted; the highest number if there are none.</summary>
    public int LowestPriority { get; private set; } = int.MaxValue;

    /// <summary>Content on its disk, and its own position in each one's list of workers.</summary>
    public Dictionary<Holding, int> Holdings { get; } = [];

    /// <summary>Whether it is among those that gained room in the running operation.</summary>
    public bool IsGained { get; set; }

    public static int MilliCoresOf(double cores) => (int)Math.Clamp(Math.Round(cores * 1000), 1, int.MaxValue);

    /// <summary>Room for containers of this kind beside those it has.</summary>
    public int HowMany(NeedTier tier, ulong models)
    {
        var many = Math.Min(Free[0] / Math.Max(1, tier.Want[0]), Free[1] / Math.Max(1, tier.Want[1]));
        many = tier.Want[2] > 0 ? Math.Min(many, Free[2] / tier.Want[2]) : many;
        if (tier.Want[3] > 0)
        {
            var gpus = 0;
            for (var i = 0; i < _models.Length; i++)
            {
                gpus += (models >> i & 1) != 0 ? BitOperations.PopCount(_models[i] & _freeGpus) / tier.Want[3] : 0;
            }

            many = Math.Min(many, gpus);
        }

        return many;
    }

    public bool CanHold(NeedTier tier, ulong models) => Vector128.GreaterThanOrEqualAll(Free, tier.Want) && (tier.Want[3] == 0 || ChooseGpus(_freeGpus, tier.Want[3], models) != 0);

    public bool CanEverHold(NeedTier tier, ulong models) =>
        Vector128.GreaterThanOrEqualAll(Total, tier.Want) && (tier.Want[3] == 0 || ChooseGpus(ulong.MaxValue, tier.Want[3], models) != 0);

    /// <summary>Whether it would have room if these were gone.</summary>
    public bool CanHoldWithout(NeedTier tier, ulong models, IReadOnlyList<PlacedContainer> gone)
    {
        var (free, gpus) = (Free, _freeGpus);
        foreach (var container in gone)
        {
            free += Vector128.Create(container.MilliCores, container.MemoryMiB, container.DiskMiB, 0);
            gpus |= container.Gpus;
        }

        return Vector128.GreaterThanOrEqualAll(free.WithElement(3, int.MaxValue), tier.Want) && (tier.Want[3] == 0 || ChooseGpus(gpus, tier.Want[3], models) != 0);
    }

    /// <summary>How full it would be with one more: the fullest of its resources, from 0 to 1.</summary>
    public double LoadWith(NeedTier tier)
    {
        var used = Total - Free + tier.Want;
        var load = Math.Max((double)used[0] / MilliCores, (double)used[1] / MemoryMiB);
        load = DiskMiB > 0 ? Math.Max(load, (double)used[2] / DiskMiB) : load;
        return MostGpus > 0 && tier.Want[3] > 0 ? Math.Max(load, (double)used[3] / MostGpus) : load;
    }

    /// <summary>How much of what is needed is missing, as a sum of shares of it.</summary>
    public double Missing(NeedTier tier)
    {
        var missing = 0.0;
        for (var i = 0; i < 4; i++)
        {
            missing += tier.Want[i] > Free[i] ? (double)(tier.Want[i] - Free[i]) / tier.Want[i] : 0;
        }

        return missing;
    }

    public PlacedContainer Take(PoolRequest request, Usage function, NeedTier tier, ulong models, long sequence)
    {
        var gpus = tier.Want[3] > 0 ? ChooseGpus(_freeGpus, tier.Want[3], models) : 0;
        var container = new PlacedContainer(request.ContainerId, function, request.Need!, tier.Want[0], this, gpus, sequence) { Index = _containers.Count };
        _containers.Add(container);
        Account(container, 1);
        _freeGpus &= ~gpus;
        if (!container.Need.Nonpreemptible)
        {
            LowestPriority = Math.Min(LowestPriority, container.Need.Priority);
        }

        Update();
        return container;
    }

    public void Release(PlacedContainer container)
    {
        var last = _containers[^1];
        _containers[container.Index] = last;
        last.Index = container.Index;
        _containers.RemoveAt(_containers.Count - 1);
        Account(container, -1);
        _freeGpus |= container.Gpus;
        if (!container.Need.Nonpreemptible && container.Need.Priority == LowestPriority)
        {
            LowestPriority = int.MaxValue;
            foreach (var other in _containers)
            {
                LowestPriority = other.Need.Nonpreemptible ? LowestPriority : Math.Min(LowestPriority, other.Need.Priority);
            }
        }

        Update();
    }

    public IReadOnlyList<string> UuidsOf(PlacedContainer container)
    {
        if (container.Gpus == 0)
        {
            return [];
        }

        var uuids = new List<string>(BitOperations.PopCount(container.Gpus));
        for (var left = container.Gpus; left != 0; left &= left - 1)
        {
            uuids.Add(Gpus[BitOperations.TrailingZeroCount(left)].Uuid);
        }

        return uuids;
    }

    private static int Limited(long value) => (int)Math.Clamp(value, 0, int.MaxValue);

    private void Account(PlacedContainer container, int sign)
    {
        _milliCoresUsed += sign * container.MilliCores;
        _memoryMiBUsed += sign * container.MemoryMiB;
        _diskMiBUsed += sign * container.DiskMiB;
    }

    // All of one model: a container whose GPUs differ can hardly use them together. Of those that will do the model with the fewest free, which leaves large sets whole.
    private ulong ChooseGpus(ulong among, int count, ulong models)
    {
        var (best, bestFree) = (0UL, int.MaxValue);
        for (var i = 0; i < _models.Length; i++)
        {
            var free = (models >> i & 1) != 0 ? BitOperations.PopCount(_models[i] & among) : 0;
            if (free >= count && free < bestFree)
            {
                (best, bestFree) = (_models[i] & among, free);
            }
        }

        var chosen = 0UL;
        for (var i = 0; i < count && best != 0; i++, best &= best - 1)
        {
            chosen |= best & (~best + 1);
        }

        return chosen;
    }

    private int MostOf(ulong among)
    {
        var most = 0;
        foreach (var model in _models)
        {
            most = Math.Max(most, BitOperations.PopCount(model & among));
        }

        return most;
    }

    private void Update() => Free = Vector128.Create(MilliCores - _milliCoresUsed, MemoryMiB - _memoryMiBUsed, DiskMiB - _diskMiBUsed, MostOf(_freeGpus));
}
