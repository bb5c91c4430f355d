using Microsoft.Extensions.Logging;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Trees;
using Modal.Backend.Worker.Code;

namespace Modal.Backend.Worker.Images;

/// <summary>Images as folders, made once and kept, for machines that cannot mount them. Safe from many threads.</summary>
internal sealed class UnpackedImages(string folder, ImageStore store, TimeProvider time, ILogger logger)
{
    // An image that nobody used for a week will be unpacked again; a full disk cannot be undone.
    private static readonly TimeSpan s_keep = TimeSpan.FromDays(7);

    private readonly OncePerKey<string> _roots = new();

    /// <summary>The root file system of an image, unpacked if need be.</summary>
    /// <param name="index">The index's name.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="IOException">It cannot be unpacked.</exception>
    public async Task<string> EnsureAsync(string index, CancellationToken cancellationToken)
    {
        var root = await _roots.GetAsync(index, () => MakeAsync(index), cancellationToken);
        Directory.SetLastWriteTimeUtc(Path.GetDirectoryName(root)!, time.GetUtcNow().UtcDateTime);
        return root;
    }

    /// <summary>Removes what was interrupted and what has not been used for long. Before the first container starts.</summary>
    public void CleanUp()
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        var oldest = time.GetUtcNow().UtcDateTime - s_keep;
        foreach (var image in Directory.EnumerateDirectories(folder).Where(f => f.EndsWith(".tmp", StringComparison.Ordinal) || Directory.GetLastWriteTimeUtc(f) < oldest))
        {
            Directory.Delete(image, recursive: true);
        }
    }

    private async Task<string> MakeAsync(string index)
    {
        var image = Path.Combine(folder, index);
        if (!Directory.Exists(image))
        {
            var unfinished = $"{image}.tmp";
            if (Directory.Exists(unfinished))
            {
                Directory.Delete(unfinished, recursive: true);
            }

            Directory.CreateDirectory(unfinished);
            using var opened = await store.OpenIndexAsync(index, CancellationToken.None);
            await TreeUnpacker.UnpackAsync(opened, store.Tier, Path.Combine(unfinished, "root"), time, logger, CancellationToken.None);
            Directory.Move(unfinished, image);
        }

        return Path.Combine(image, "root");
    }
}
