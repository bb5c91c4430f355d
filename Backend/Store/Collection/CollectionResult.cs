namespace Modal.Backend.Store.Collection;

/// <summary>What a collection did.</summary>
/// <param name="Kept">Objects that something needs, or that are too young to tell.</param>
/// <param name="Removed">Objects that were removed.</param>
/// <param name="RemovedBytes">Their length.</param>
public readonly record struct CollectionResult(int Kept, int Removed, long RemovedBytes);
