using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.ImageFs;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;

namespace Modal.Benchmarks.FileSystems;

/// <summary>A folder made an image, whose mounts are served by the real server from its cache.</summary>
internal sealed class MountedImage : IAsyncDisposable
{
    private readonly string _folder;
    private readonly ImageIndex _index;
    private readonly ImageFsSupervisor _supervisor;

    private MountedImage(string folder, ImageIndex index, ImageFsSupervisor supervisor) => (_folder, _index, _supervisor) = (folder, index, supervisor);

    /// <summary>The cache's files of large contents.</summary>
    public string CacheFolder => Path.Combine(_folder, "cache");

    public static async Task<MountedImage> StartAsync(string folder, string content)
    {
        if (FuseProbe.FindObstacle() is { } obstacle)
        {
            throw new InvalidOperationException(obstacle);
        }

        var tier = Path.Combine(folder, "tier");
        using var writer = new ContentWriter(new FolderTier(tier), new ContentCatalog());
        var root = await DirectoryTree.ScanAsync(content, writer, CancellationToken.None);
        var index = await writer.FinishAsync(root, CancellationToken.None);
        await File.WriteAllBytesAsync(Path.Combine(folder, "image.index"), index.Bytes.ToArray());
        var supervisor = ImageFsSupervisor.Start(
            new ImageFsOptions { StateFolder = Path.Combine(folder, "state"), CacheFolder = Path.Combine(folder, "cache"), Tier = $"folder:{tier}" }, NullLogger.Instance, TimeProvider.System);
        return new MountedImage(folder, index, supervisor);
    }

    /// <summary>A new mount, of which the kernel knows nothing yet.</summary>
    public async Task<IImageMount> MountAsync(bool passthrough = false)
    {
        // The connection of the mount before may not have ended yet; then this one would share it, and what the kernel knows.
        while ((await _supervisor.GetStatsAsync(CancellationToken.None)).Connections > 0)
        {
            await Task.Delay(10);
        }

        return await _supervisor.MountAsync(Path.Combine(_folder, "image.index"), _index.Id, Path.Combine(_folder, "mnt"), passthrough, CancellationToken.None);
    }

    public async Task<int> GetServerAsync() => (await _supervisor.GetStatsAsync(CancellationToken.None)).ProcessId;

    public async ValueTask DisposeAsync()
    {
        await _supervisor.DisposeAsync();
        _index.Dispose();
    }
}
