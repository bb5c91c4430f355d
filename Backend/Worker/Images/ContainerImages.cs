using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Tracing;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;

namespace Modal.Backend.Worker.Images;

/// <summary>Gives containers their images.</summary>
internal sealed class ContainerImages(ImageStore store, ImageRoots roots, TraceStore traces, MountedFolders folders, UsedImages used, TimeProvider time, ILogger logger)
{
    /// <summary>Mounts an image for a container and begins to fetch what its start will read.</summary>
    /// <param name="imageId">The image.</param>
    /// <param name="containerId">The container.</param>
    /// <param name="function">Its function: starts of the same function read the same. Null if it is not known yet: then nothing is fetched ahead, and no reads are recorded.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">It cannot be had or mounted.</exception>
    /// <exception cref="BuildSandboxException">Its user is not one of its own.</exception>
    public async Task<ContainerImage> AcquireAsync(string imageId, string containerId, string? function, CancellationToken cancellationToken)
    {
        var record = await store.ResolveAsync(imageId, cancellationToken);
        var recorded = function is null ? Task.FromResult<AccessTrace?>(null) : traces.FindAsync(record.IndexId, function, cancellationToken);
        var root = await roots.MountAsync(record.Index, containerId, cancellationToken);
        try
        {
            var trace = await recorded;

            // Not awaited: what is not here when it is read is fetched then.
            var prefetch = trace is null ? Task.CompletedTask : root.PrefetchAsync(trace);
            var binds = new List<BindMount>();
            foreach (var mount in record.Mounts)
            {
                binds.Add(new BindMount(mount.Target, await folders.EnsureAsync(mount, cancellationToken)));
            }

            var user = Users.Resolve(root.Path, record.Config.User);
            var image = new SandboxImage(root.Path, record.Config.Environment, binds, record.Config.WorkingDirectory, user?.Uid, user?.Gid);
            var wantsTrace = function is not null && root.IsTraced && await traces.WantsAsync(record.IndexId, function, cancellationToken);
            return new ContainerImage(image, root, prefetch, wantsTrace ? KeepAsync : null, used.Use(imageId), time);
        }
        catch
        {
            await root.DisposeAsync();
            throw;
        }

        async Task KeepAsync()
        {
            try
            {
                await traces.AddAsync(function!, await root.StopTraceAsync(), CancellationToken.None);
            }
            catch (Exception e) when (e is IOException or InvalidOperationException)
            {
                Log.TraceNotKept(logger, function!, e.Message);
            }
        }
    }
}
