namespace Modal.Backend.ControlPlane.Queues;

/// <summary>Bounds of queues.</summary>
internal static class QueueLimits
{
    public const int MaxPartitions = 100_000;

    public const int MaxItemsPerPartition = 5_000;

    public const int MaxItemBytes = 1024 * 1024;

    public const int MaxPartitionNameBytes = 64;

    public const int MaxOperations = 1_000;

    public const int MaxGet = 1_000;

    // An answer must fit into a message with room to spare.
    public const int MaxGetBytes = 32 * 1024 * 1024;

    public const int MaxPage = 1_000;

    public const int MaxPageBytes = 4 * 1024 * 1024;

    public const long MaxWaitMs = 60_000;

    /// <summary>A partition is cleared that long after the last put, unless the put says otherwise.</summary>
    public static readonly TimeSpan DefaultPartitionTtl = TimeSpan.FromHours(24);

    public static readonly TimeSpan MinPartitionTtl = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan MaxPartitionTtl = TimeSpan.FromDays(7);

    public static long PartitionTtlMs(long askedMs) => askedMs == 0
        ? (long)DefaultPartitionTtl.TotalMilliseconds
        : Math.Clamp(askedMs, (long)MinPartitionTtl.TotalMilliseconds, (long)MaxPartitionTtl.TotalMilliseconds);
}
