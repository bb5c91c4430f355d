namespace Modal.Backend.Images.Building;

/// <summary>Local files that are mounted into containers of an image.</summary>
/// <param name="Target">Where: an absolute path.</param>
/// <param name="IsDirectory">Whether they are in a folder; else it is one file.</param>
/// <param name="Files">The files; their bytes are blobs.</param>
public sealed record ImageMount(string Target, bool IsDirectory, IReadOnlyList<MountedFile> Files);

/// <summary>A file of a mount.</summary>
/// <param name="Path">Below the target.</param>
/// <param name="Digest">Of its bytes; empty for a folder or a link.</param>
/// <param name="SizeBytes">Its length.</param>
/// <param name="Mode">Permissions.</param>
/// <param name="LinkTarget">Of a symbolic link; else empty.</param>
/// <param name="IsDirectory">An empty folder.</param>
public sealed record MountedFile(string Path, string Digest, long SizeBytes, int Mode, string LinkTarget, bool IsDirectory);
