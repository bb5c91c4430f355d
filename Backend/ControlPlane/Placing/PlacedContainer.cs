namespace Modal.Backend.ControlPlane.Placing;

/// <summary>A container that has its place.</summary>
internal sealed class PlacedContainer(string id, Usage function, ResourceNeed need, int milliCores, WorkerCapacity worker, ulong gpus, long sequence)
{
    public string Id { get; } = id;

    public Usage Function { get; } = function;

    public ResourceNeed Need { get; } = need;

    public int MilliCores { get; } = milliCores;

    public int MemoryMiB { get; } = (int)need.MemoryMiB;

    public int DiskMiB { get; } = (int)need.DiskMiB;

    public WorkerCapacity Worker { get; } = worker;

    /// <summary>Which of the worker's GPUs are its own, a bit for each.</summary>
    public ulong Gpus { get; } = gpus;

    /// <summary>Later ones are higher.</summary>
    public long Sequence { get; } = sequence;

    /// <summary>Position in the worker's list.</summary>
    public int Index { get; set; }

    /// <summary>For whom it is evicted; null if it is not.</summary>
    public Reservation? EvictedFor { get; set; }

    /// <summary>Its function was told to stop it: this cannot be taken back.</summary>
    public bool EvictionBegan { get; set; }

    public bool IsEvicting => EvictedFor is not null || EvictionBegan;
}
