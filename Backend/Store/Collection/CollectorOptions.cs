namespace Modal.Backend.Store.Collection;

/// <summary>What a collection keeps. How long records of builds stay is no setting, as all who use a store must agree on it: this month and the last (<see cref="Objects.BuildKey"/>).</summary>
public sealed class CollectorOptions
{
    /// <summary>
    /// Packs and indexes younger than this stay whatever needs them, as what is being written is needed by nothing yet; and between the mark and the removal of an older one there is as
    /// much again. Default 24 hours, at least 1 hour: longer than an image takes from the first pack that it uses to its record, and than clocks of machines differ.
    /// </summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(24);
}
