using System.Text;

namespace Modal.Backend.Store.Trees;

/// <summary>
/// Makes trees from folders of this machine, with owners, modes, times, extended attributes and hard links. Devices and sockets are left out, and so is what is
/// mounted inside the folder. Nobody may change the folder meanwhile.
/// </summary>
public static class DirectoryTree
{
    /// <summary>Reads a folder and stores its files.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="writer">Where its files' contents go.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The tree; its root has the folder's owner and mode.</returns>
    /// <exception cref="IOException">A file cannot be read, or its content not stored.</exception>
    public static async Task<TreeNode> ScanAsync(string path, ContentWriter writer, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(writer);
        var files = new List<PendingFile>();
        var scan = new DirectoryScan(files, cancellationToken);
        var root = scan.Read(Encoding.UTF8.GetBytes(Path.GetFullPath(path)));
        await PendingFiles.StoreAsync(files, writer, cancellationToken);
        return root;
    }
}
