using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Snapshots;
using Modal.Backend.Worker.Volumes;

namespace Modal.Backend.Worker;

/// <summary>Adds a worker to a program.</summary>
public static class WorkerRegistration
{
    /// <summary>Adds the worker and its options. The program must register an <see cref="IControlPlaneChannel"/>, and may register an <see cref="IWorkerBlobs"/>.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Sets options.</param>
    public static IServiceCollection AddModalWorker(this IServiceCollection services, Action<WorkerOptions> configure)
    {
        services.AddOptions<WorkerOptions>().Configure(configure).ValidateOnStart();
        services.AddSingleton<IValidateOptions<WorkerOptions>, WorkerOptionsValidator>();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(static p => OpenBlobs(p));
        services.AddSingleton<GpuInventory>();
        services.AddSingleton<EventLoop>();
        services.AddSingleton<MemoryWatch>();
        services.AddSingleton<SandboxHost>();
        services.AddSingleton<SandboxProbe>();
        services.AddSingleton<CodeVersions>();
        services.AddSingleton(static p => OpenStore(p.GetRequiredService<IOptions<WorkerOptions>>().Value, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ImageRoots>();
        services.AddSingleton<UsedImages>();
        services.AddSingleton<SnapshotService>();
        services.AddSingleton<VolumeService>();
        services.AddSingleton<WorkerImages>();
        services.AddHostedService<StoreUpkeep>();
        return services.AddHostedService<WorkerService>();
    }

    // The store of a peer is the server's: asking it twice gains nothing. How long blobs are kept is the server's business: this one only reads.
    private static IWorkerBlobs OpenBlobs(IServiceProvider services)
    {
        var server = new GrpcBlobs(services.GetRequiredService<IControlPlaneChannel>());
        return TierAddress.IsPeer(services.GetRequiredService<IOptions<WorkerOptions>>().Value.StoreAddress)
            ? server
            : new StoreFirstBlobs(new TierBlobs(services.GetRequiredService<ImageStore>().Tier, TimeSpan.FromDays(7), services.GetRequiredService<TimeProvider>()), server);
    }

    private static ImageStore OpenStore(WorkerOptions options, TimeProvider time) =>
        new ImageStore(TierAddress.Open(options.StoreAddress), Path.Combine(options.StateDirectory, "indexes"), time);
}
