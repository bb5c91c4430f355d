namespace Modal.Backend.Store.Objects;

/// <summary>An object as a listing shows it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="SizeBytes">Its length.</param>
/// <param name="Modified">When it was stored, by the tier's clock.</param>
public readonly record struct ObjectInfo(string Key, long SizeBytes, DateTimeOffset Modified);
