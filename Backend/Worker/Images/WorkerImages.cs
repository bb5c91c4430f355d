using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;

namespace Modal.Backend.Worker.Images;

/// <summary>All that a worker does with images: builds them and gives them to containers.</summary>
internal sealed class WorkerImages(
    IOptions<WorkerOptions> options, ImageStore store, ImageRoots roots, UsedImages used, CodeVersions codes, IWorkerBlobs blobs, GpuInventory gpus, TimeProvider time, ILogger<ImageBuilder> buildLogger, ILogger<WorkerImages> logger) : IDisposable
{
    private readonly WorkerOptions _options = options.Value;
    private readonly WorkerBlobSource _blobs = new(blobs);
    private ImageBuilder? _builder;

    /// <summary>Takes away what a killed worker left, and gets ready.</summary>
    /// <param name="factory">What containers run in; without gVisor nothing is built.</param>
    /// <returns>Gives containers their images.</returns>
    public ContainerImages Open(ISandboxFactory factory)
    {
        roots.CleanUp();
        StepFolder.CleanUp(BuildSandbox.FolderOf(_options));
        if (factory is GVisorSandboxFactory gVisor)
        {
            _builder = new ImageBuilder(
                store, new BuildSandbox(_options, gVisor, roots, codes, gpus), _blobs, new ImageBuilderOptions { StandardBase = gVisor.Root }, buildLogger);
        }

        if (!TierAddress.IsFolder(_options.StoreAddress))
        {
            // Whoever has a store elsewhere shares images with others: the first start of one should wait for nothing but its bytes.
            _ = TierAddress.ConnectAsync(store.Tier);
            roots.GetReady();
        }

        var folders = new MountedFolders(Path.Combine(_options.StateDirectory, "mounted"), _blobs);
        folders.CleanUp();
        return new ContainerImages(store, roots, new TraceStore(store.Tier), folders, used, time, logger);
    }

    /// <summary>Builds of one session.</summary>
    public RunningBuilds NewSession(Containers.IOutbox outbox) => new(_builder, roots, outbox, logger);

    /// <inheritdoc/>
    public void Dispose() => _builder?.Dispose();
}
