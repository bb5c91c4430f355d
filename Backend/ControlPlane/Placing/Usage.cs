namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What an app, or a function of an app, has of all workers.</summary>
internal sealed class Usage(string id, Usage? app)
{
    public string Id { get; } = id;

    /// <summary>The function's app; null for an app.</summary>
    public Usage? App { get; } = app;

    public long MilliCores { get; private set; }

    public long MemoryMiB { get; private set; }

    public int Gpus { get; private set; }

    public int Containers { get; private set; }

    /// <summary>Its queues in which something waits; an app's are those of its functions.</summary>
    public List<WaitingQueue> Queues { get; } = [];

    /// <summary>Requests of clusters that are not complete yet.</summary>
    public int Gathering { get; set; }

    /// <summary>Containers by worker, of a function that is spread.</summary>
    public Dictionary<WorkerCapacity, int> OnWorkers { get; } = [];

    public bool IsUnused => Containers == 0 && Queues.Count == 0 && Gathering == 0;

    public void Add(int milliCores, int memoryMiB, int gpus, int sign)
    {
        MilliCores += sign * milliCores;
        MemoryMiB += sign * memoryMiB;
        Gpus += sign * gpus;
        Containers += sign;
    }

    /// <summary>The largest of its shares of the resources, from 0 to 1.</summary>
    public double DominantShare(Usage total) =>
        Math.Max(Share(MilliCores, total.MilliCores), Math.Max(Share(MemoryMiB, total.MemoryMiB), Share(Gpus, total.Gpus)));

    private static double Share(long part, long whole) => whole > 0 ? (double)part / whole : 0;
}
