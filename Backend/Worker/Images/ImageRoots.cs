using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ImageFs;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Worker.Images;

/// <summary>
/// Images as root file systems of this machine: mounted, or unpacked where that cannot be. The file system's server is started with the first; an image that nobody uses any more stays mounted for a while, so that
/// the next container finds the kernel's cache warm. Safe from many threads.
/// </summary>
internal sealed class ImageRoots : IAsyncDisposable
{
    // Each keeps one connection and what the kernel has cached of it, which it gives back when memory is short.
    private const int MaxIdle = 16;

    private readonly WorkerOptions _options;
    private readonly ImageStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger<ImageRoots> _logger;
    private readonly Lock _gate = new();
    private readonly LinkedList<(string Index, IImageMount Mount)> _idle = [];
    private readonly UnpackedImages _unpacked;
    private readonly Lazy<bool> _isUnpacking;
    private ImageFsSupervisor? _supervisor;

    public ImageRoots(IOptions<WorkerOptions> options, ImageStore store, TimeProvider time, ILogger<ImageRoots> logger)
    {
        (_options, _store, _time, _logger) = (options.Value, store, time, logger);
        _unpacked = new UnpackedImages(Path.Combine(_options.StateDirectory, "unpacked"), store, time, logger);
        _isUnpacking = new Lazy<bool>(IsUnpacking);
    }

    private string FileSystemFolder => Path.Combine(_options.StateDirectory, "imagefs");

    private string Roots => Path.Combine(_options.StateDirectory, "roots");

    /// <summary>Mounts an image for one user.</summary>
    /// <param name="index">The index's name.</param>
    /// <param name="user">Names the mount: a container's id or a step's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="keepWarm">Whether it stays mounted for others who will want it.</param>
    /// <exception cref="IOException">It cannot be mounted.</exception>
    public async Task<ImageRoot> MountAsync(string index, string user, CancellationToken cancellationToken, bool keepWarm = true)
    {
        if (_isUnpacking.Value)
        {
            return new ImageRoot(await _unpacked.EnsureAsync(index, cancellationToken), mount: null);
        }

        var path = await _store.EnsureIndexAsync(index, cancellationToken);
        var image = ObjectKeys.TryGetImageId(index, out var id) ? id : throw new IOException($"'{index}' is no index's name.");
        var supervisor = Supervisor();
        IImageMount mount;
        try
        {
            mount = await supervisor.MountAsync(path, image, Path.Combine(Roots, user), cancellationToken);
        }
        catch (IOException) when (File.Exists(path))
        {
            // The index may have been damaged on this machine's disk: opening it finds that out and fetches it again.
            (await _store.OpenIndexAsync(index, cancellationToken)).Dispose();
            mount = await supervisor.MountAsync(path, image, Path.Combine(Roots, user), cancellationToken);
        }

        if (keepWarm)
        {
            await KeepWarmAsync(supervisor, path, index, image);
        }

        return new ImageRoot(mount.Path, mount);
    }

    /// <summary>Starts the file system's server if it does not run, so that the first mount does not wait for it.</summary>
    /// <exception cref="IOException">It cannot be started.</exception>
    public void GetReady()
    {
        if (!_isUnpacking.Value)
        {
            Supervisor();
        }
    }

    /// <summary>Takes away what a killed worker left. Before the first mount.</summary>
    public void CleanUp()
    {
        ImageFsSupervisor.RemoveMounts(FileSystemFolder, _logger);
        _unpacked.CleanUp();
        if (Directory.Exists(Roots))
        {
            foreach (var folder in Directory.EnumerateDirectories(Roots))
            {
                Directory.Delete(folder);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // It takes all mounts away, those of idle images too.
        if (_supervisor is not null)
        {
            await _supervisor.DisposeAsync();
        }
    }

    private bool IsUnpacking()
    {
        var obstacle = _options.Images == ImageRootMode.Auto ? FuseProbe.FindObstacle() : null;
        if (obstacle is not null)
        {
            Log.ImagesUnpacked(_logger, obstacle);
        }

        return _options.Images == ImageRootMode.Unpack || obstacle is not null;
    }

    private ImageFsSupervisor Supervisor()
    {
        lock (_gate)
        {
            return _supervisor ??= ImageFsSupervisor.Start(
                new ImageFsOptions
                {
                    StateFolder = FileSystemFolder,
                    CacheFolder = Path.Combine(_options.StateDirectory, "cache"),
                    CacheBytes = _options.CacheBytes,
                    ServerCommand = [Path.Combine(_options.ImageFsDirectory, "Modal.Backend.ImageFs")],
                    Tier = _options.StoreAddress,
                },
                _logger,
                _time);
        }
    }

    // A second mount of the image that outlives its users.
    private async Task KeepWarmAsync(ImageFsSupervisor supervisor, string path, string index, Digest image)
    {
        lock (_gate)
        {
            for (var node = _idle.First; node is not null; node = node.Next)
            {
                if (node.Value.Index == index)
                {
                    _idle.Remove(node);
                    _idle.AddLast(node);
                    return;
                }
            }
        }

        var mount = await supervisor.MountAsync(path, image, Path.Combine(Roots, $"warm-{index}"), CancellationToken.None);
        await mount.StopTraceAsync();
        IImageMount? old = null;
        lock (_gate)
        {
            if (_idle.Any(i => i.Index == index))
            {
                old = mount;
            }
            else
            {
                _idle.AddLast((index, mount));
                if (_idle.Count > MaxIdle)
                {
                    old = _idle.First!.Value.Mount;
                    _idle.RemoveFirst();
                }
            }
        }

        if (old is not null)
        {
            await old.DisposeAsync();
        }
    }
}
