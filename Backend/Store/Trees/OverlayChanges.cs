using System.Text;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;

namespace Modal.Backend.Store.Trees;

/// <summary>
/// Applies what was written into the upper folder of an overlay file system to the tree beneath it. The overlay must be mounted with <c>redirect_dir=off,metacopy=off</c>, so
/// that every changed file is there as a whole, and must be unmounted by now.
/// </summary>
public static class OverlayChanges
{
    private static readonly byte[] s_opaque = "trusted.overlay.opaque"u8.ToArray();

    /// <summary>Changes the tree.</summary>
    /// <param name="root">The tree that the overlay lay over.</param>
    /// <param name="upperFolder">The upper folder.</param>
    /// <param name="writer">Where the contents of new files go.</param>
    /// <param name="cancellationToken">Ends it; the tree is not usable then.</param>
    /// <returns>How many entries were added, changed or removed.</returns>
    /// <exception cref="IOException">A file cannot be read, or its content not stored.</exception>
    public static async Task<int> ApplyAsync(TreeNode root, string upperFolder, ContentWriter writer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentException.ThrowIfNullOrEmpty(upperFolder);
        ArgumentNullException.ThrowIfNull(writer);
        var files = new List<PendingFile>();
        var count = Apply(root, Encoding.UTF8.GetBytes(Path.GetFullPath(upperFolder)), new DirectoryScan(files, cancellationToken), cancellationToken);
        await PendingFiles.StoreAsync(files, writer, cancellationToken);
        return count;
    }

    private static int Apply(TreeNode folder, byte[] path, DirectoryScan scan, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var count = 0;
        foreach (var bytes in Files.List(DirectoryScan.Terminated(path)))
        {
            var name = new TreeName(bytes);
            var child = DirectoryScan.Join(path, bytes);
            var status = Files.Status(child);
            count++;
            if ((status.Mode & NodeModes.KindMask) == 0x2000 && status is { DeviceMajor: 0, DeviceMinor: 0 })
            {
                folder.Children.Remove(name);
                continue;
            }

            if (scan.ReadEntry(child, in status) is not { } node)
            {
                // A device or socket hides what was there.
                folder.Children.Remove(name);
                continue;
            }

            folder.Children.TryGetValue(name, out var below);
            folder.Children[name] = node;
            if (!node.IsDirectory)
            {
                continue;
            }

            if (below is { IsDirectory: true } && !IsOpaque(child))
            {
                foreach (var (kept, entry) in below.Children)
                {
                    node.Children.Add(kept, entry);
                }
            }

            count += Apply(node, child[..^1], scan, cancellationToken);
        }

        return count;
    }

    private static bool IsOpaque(byte[] path) => Files.Attributes(path).Any(a => a.Name.AsSpan().SequenceEqual(s_opaque) && a.Value is [(byte)'y']);
}
