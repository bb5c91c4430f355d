namespace Modal.Backend.Store.Chunks;

/// <summary>Who waits for a chunk.</summary>
public enum FetchPriority
{
    /// <summary>A read: served first.</summary>
    Demand,

    /// <summary>Nobody yet.</summary>
    Prefetch,
}
