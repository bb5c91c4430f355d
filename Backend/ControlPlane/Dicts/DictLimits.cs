namespace Modal.Backend.ControlPlane.Dicts;

/// <summary>Bounds of dicts.</summary>
internal static class DictLimits
{
    // PostgreSQL's index takes a third of a page, 2,704 bytes, for the id and the key.
    public const int MaxKeyBytes = 2_000;

    // Batches of a few fit into a message.
    public const int MaxValueBytes = 16 * 1024 * 1024;

    public const int MaxOperations = 1_000;

    public const int MaxEntriesPerPut = 10_000;

    // Counting more would read the whole dict for a number that nobody needs.
    public const int MaxCounted = 100_000;

    public const int MaxPage = 1_000;

    public const int MaxPageBytes = 4 * 1024 * 1024;

    /// <summary>An entry is gone that long after it was last written or read.</summary>
    public static readonly TimeSpan EntryLifetime = TimeSpan.FromDays(7);

    /// <summary>A read counts as use when the last noted one is older than this: noting each would make a write of every read.</summary>
    public static readonly TimeSpan UsePrecision = TimeSpan.FromHours(1);
}
