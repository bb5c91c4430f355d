namespace Modal.Backend.ControlPlane.Placing;

/// <summary>Requests of one function with the same need and priority, in order.</summary>
internal sealed class WaitingQueue(Usage function, NeedClass need, int priority, long sequence)
{
    public Usage Function { get; } = function;

    public NeedClass Class { get; } = need;

    public int Priority { get; } = priority;

    /// <summary>Tells queues apart that are equal otherwise.</summary>
    public long Sequence { get; } = sequence;

    public LinkedList<WaitingItem> Items { get; } = new();

    /// <summary>Its rank when it was last put in order.</summary>
    public QueueKey Key { get; set; }

    /// <summary>The reason its function knows.</summary>
    public string Told { get; set; } = "";
}

/// <summary>Rank of a queue: the highest priority first; then the app, then the function that has least; then who came first.</summary>
internal readonly record struct QueueKey(int Priority, double AppShare, double FunctionShare, long Sequence);

/// <summary>Orders queues and their ranks.</summary>
internal sealed class QueueOrder : IComparer<WaitingQueue>, IComparer<QueueKey>
{
    public static readonly QueueOrder Instance = new();

    public int Compare(QueueKey x, QueueKey y) =>
        x.Priority != y.Priority ? y.Priority.CompareTo(x.Priority)
        : x.AppShare != y.AppShare ? x.AppShare.CompareTo(y.AppShare)
        : x.FunctionShare != y.FunctionShare ? x.FunctionShare.CompareTo(y.FunctionShare)
        : x.Sequence.CompareTo(y.Sequence);

    public int Compare(WaitingQueue? x, WaitingQueue? y)
    {
        var byKey = Compare(x!.Key, y!.Key);
        return byKey != 0 ? byKey : x.Sequence.CompareTo(y.Sequence);
    }
}

/// <summary>One request, or those of a cluster, which are placed together or not at all.</summary>
internal sealed class WaitingItem(WaitingQueue queue, int size, long sinceMs, long sequence)
{
    public WaitingQueue Queue { get; set; } = queue;

    public int Size { get; } = size;

    public List<PoolRequest> Members { get; } = new(size);

    public ResourceNeed Need => Members[0].Need!;

    public long SinceMs { get; set; } = sinceMs;

    public long Sequence { get; } = sequence;

    /// <summary>Workers whose room is kept for it.</summary>
    public Reservation? Reservation { get; set; }

    /// <summary>Its place in the queue; null while members of the cluster are missing.</summary>
    public LinkedListNode<WaitingItem>? Node { get; set; }
}

/// <summary>Workers that take nobody else until a request is placed: because it has waited too long, or because others are evicted for it.</summary>
internal sealed class Reservation(WaitingItem item)
{
    public WaitingItem Item { get; } = item;

    public List<WorkerCapacity> Workers { get; } = [];

    public List<PlacedContainer> Victims { get; } = [];
}
