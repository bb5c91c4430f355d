namespace Modal.Backend.Store.Collection;

/// <summary>What a collection keeps.</summary>
public sealed class CollectorOptions
{
    /// <summary>
    /// Objects younger than this stay whatever needs them: what is being written is needed by nothing yet. Default 24 hours, at least 1 hour, which is longer than a build may take and than clocks of
    /// machines differ.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Records of built layers older than this keep nothing alive and go. Default 30 days. Using a layer does not make it younger, building on it does.</summary>
    public TimeSpan KeepBuilds { get; init; } = TimeSpan.FromDays(30);
}
