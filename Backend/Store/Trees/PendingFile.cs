namespace Modal.Backend.Store.Trees;

/// <summary>A file that was seen in a folder, and whose content is to be stored.</summary>
/// <param name="Path">Its path, with a zero at the end.</param>
/// <param name="Node">Gets the content.</param>
/// <param name="SizeBytes">As it was when it was seen.</param>
internal readonly record struct PendingFile(byte[] Path, TreeNode Node, long SizeBytes);
