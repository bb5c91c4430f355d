using System.Text;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Native;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Store.Trees;

/// <summary>Makes folders of this machine from images: the opposite of <see cref="DirectoryTree"/>, for machines that cannot mount them. Needs root, for the owners.</summary>
public static class TreeUnpacker
{
    /// <summary>Writes all of an image.</summary>
    /// <param name="index">The image.</param>
    /// <param name="tier">Where its bytes come from; every chunk is checked, and asked for again if it does not come or is damaged.</param>
    /// <param name="path">The folder; must not exist.</param>
    /// <param name="time">Times pauses.</param>
    /// <param name="logger">Told of damage and of what cannot be had.</param>
    /// <param name="cancellationToken">Ends it; what is written stays.</param>
    /// <exception cref="IOException">The folder cannot be written, or a chunk not be had. What is written stays.</exception>
    public static async Task UnpackAsync(ImageIndex index, IObjectTier tier, string path, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(index);
        var paths = Paths(index, path);
        MakeEntries(index, paths);
        await IndexReader.ReadAllAsync(
            index,
            tier,
            (node, offset, bytes) =>
            {
                using var file = NewFiles.OpenToWrite(paths[node]);
                RandomAccess.Write(file, bytes, offset);
            },
            time,
            logger,
            cancellationToken);

        // Folders after what is in them: writing into one changes its time.
        for (var node = index.NodeCount - 1; node >= 0; node--)
        {
            if (index.GetNode(node).Leader == node)
            {
                NewFiles.Describe(paths[node], index, node);
            }
        }
    }

    private static byte[][] Paths(ImageIndex index, string path)
    {
        var paths = new byte[index.NodeCount][];
        paths[0] = DirectoryScan.Terminated(Encoding.UTF8.GetBytes(Path.GetFullPath(path)));
        for (var node = 1; node < paths.Length; node++)
        {
            paths[node] = DirectoryScan.Join(paths[index.GetNode(node).Parent].AsSpan()[..^1], index.GetName(node));
        }

        return paths;
    }

    // Everything but contents.
    private static void MakeEntries(ImageIndex index, byte[][] paths)
    {
        for (var node = 0; node < paths.Length; node++)
        {
            ref readonly var info = ref index.GetNode(node);
            if (info.Leader < node)
            {
                NewFiles.HardLink(paths[node], paths[info.Leader]);
            }
            else if (info.IsDirectory)
            {
                NewFiles.Folder(paths[node]);
            }
            else if (info.IsLink)
            {
                NewFiles.Link(paths[node], DirectoryScan.Terminated(index.GetTarget(node)));
            }
            else if (info.IsFile)
            {
                NewFiles.Empty(paths[node]);
            }
            else
            {
                NewFiles.Fifo(paths[node]);
            }
        }
    }
}
