namespace Modal;

/// <summary>An entry of a volume.</summary>
/// <param name="Path">From the root of the volume, such as <c>a/b.txt</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="SizeBytes">Length of a file in bytes; 0 for others.</param>
/// <param name="Modified">Last modification.</param>
/// <param name="LinkTarget">Where a symbolic link leads; null for others.</param>
public sealed record VolumeFile(string Path, VolumeFileKind Kind, long SizeBytes, DateTimeOffset Modified, string? LinkTarget);
