namespace Modal;

/// <summary>What the server says of a volume.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Changed">When its newest version was committed.</param>
/// <param name="Version">From 1; one more with every change.</param>
public sealed record VolumeDescription(string Name, DateTimeOffset Created, DateTimeOffset Changed, long Version);
