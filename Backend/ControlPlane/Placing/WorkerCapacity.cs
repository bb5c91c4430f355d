namespace Modal.Backend.ControlPlane.Placing;

/// <summary>A worker as placement sees it: what it has, and what its containers take.</summary>
internal sealed class WorkerCapacity(string session, double cpuCores, long memoryMiB)
{
    // Sums of decimal fractions such as 0.1 miss the total by a few units in the last place; a thousandth of a core is nothing anybody asks for.
    private const double Rounding = 0.0005;

    private readonly Dictionary<string, ResourceNeed> _containers = new(StringComparer.Ordinal);

    public string Session { get; } = session;

    public double CpuCores { get; } = cpuCores;

    public long MemoryMiB { get; } = memoryMiB;

    public double CpuCoresUsed { get; private set; }

    public long MemoryMiBUsed { get; private set; }

    public int Containers => _containers.Count;

    public bool CanEverHold(ResourceNeed need) => need.Gpu.Length == 0 && need.CpuCores <= CpuCores + Rounding && need.MemoryMiB <= MemoryMiB;

    public bool CanHold(ResourceNeed need) =>
        CanEverHold(need) && CpuCoresUsed + need.CpuCores <= CpuCores + Rounding && MemoryMiBUsed + need.MemoryMiB <= MemoryMiB;

    /// <summary>How full it would be with one more: the fuller of its two resources, from 0 to 1.</summary>
    public double LoadWith(ResourceNeed need) => Math.Max((CpuCoresUsed + need.CpuCores) / CpuCores, (double)(MemoryMiBUsed + need.MemoryMiB) / MemoryMiB);

    public void Take(string containerId, ResourceNeed need)
    {
        _containers.Add(containerId, need);
        CpuCoresUsed += need.CpuCores;
        MemoryMiBUsed += need.MemoryMiB;
    }

    public bool Release(string containerId)
    {
        if (!_containers.Remove(containerId, out var need))
        {
            return false;
        }

        // Back to exactly zero when empty: rounding must not add up over a worker's life.
        CpuCoresUsed = _containers.Count == 0 ? 0 : CpuCoresUsed - need.CpuCores;
        MemoryMiBUsed -= need.MemoryMiB;
        return true;
    }
}
