using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Blobs;
using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Containers;
using Modal.Backend.ControlPlane.Deployments;
using Modal.Backend.ControlPlane.Dicts;
using Modal.Backend.ControlPlane.Environments;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Images;
using Modal.Backend.ControlPlane.Names;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Backend.ControlPlane.Queues;
using Modal.Backend.ControlPlane.Secrets;
using Modal.Backend.ControlPlane.Volumes;
using Modal.Backend.ControlPlane.Workers;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.ControlPlane;

/// <summary>Adds the control plane to a program. The program hosts the Orleans silo and registers an object tier, the store.</summary>
public static class ControlPlaneRegistration
{
    // Batches of the largest inline payloads; what is larger travels as a blob.
    private const int MaxMessageBytes = 64 * 1024 * 1024;

    /// <summary>Adds its services and options.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Sets options.</param>
    public static IServiceCollection AddModalControlPlane(this IServiceCollection services, Action<ControlPlaneOptions> configure)
    {
        services.AddOptions<ControlPlaneOptions>().Configure(configure).ValidateDataAnnotations().ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Clock>();
        services.AddSingleton<Registry<CallOutbox>>();
        services.AddSingleton<Registry<AppOutbox>>();
        services.AddSingleton<Registry<WorkerLink>>();
        services.AddSingleton<Registry<RunningBuild>>();
        services.AddSingleton<WorkerArrivals>();
        services.AddSingleton<ContainerDirectory>();
        services.AddSingleton<IRunningApps, RunningApps>();
        services.AddSingleton(static p =>
            new TierBlobs(p.GetRequiredService<IObjectTier>(), p.GetRequiredService<IOptions<ControlPlaneOptions>>().Value.BlobKeep, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(static p => DatabaseAddress.Open(p.GetRequiredService<IOptions<ControlPlaneOptions>>().Value.Database));
        services.AddHostedService<DatabaseStart>();
        services.AddSingleton<EnvironmentNames>();
        services.AddSingleton<DeploymentStore>();
        services.AddHostedService<AppRestart>();
        services.AddSingleton<CallStore>();
        services.AddSingleton<ICallStore>(static p => p.GetRequiredService<CallStore>());
        services.AddHostedService<CallUpkeep>();
        services.AddSingleton<SecretSealer>();
        services.AddSingleton<SecretStore>();
        services.AddSingleton<ISecretValues>(static p => p.GetRequiredService<SecretStore>());
        services.AddHostedService<BlobUpkeep>();
        services.AddHostedService<NamesUpkeep>();
        services.AddSingleton<VolumeRecords>();
        services.AddSingleton<VolumeTrees>();
        services.AddHostedService<VolumeUpkeep>();
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<DatabaseErrors>();
            grpc.MaxReceiveMessageSize = MaxMessageBytes;
            grpc.MaxSendMessageSize = MaxMessageBytes;
        });
        return services;
    }

    /// <summary>Serves clients and workers.</summary>
    /// <param name="endpoints">Where.</param>
    public static void MapModalControlPlane(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<ClientService>();
        endpoints.MapGrpcService<CallService>();
        endpoints.MapGrpcService<DeploymentService>();
        endpoints.MapGrpcService<EnvironmentService>();
        endpoints.MapGrpcService<WorkerGateway>();
        endpoints.MapGrpcService<BlobService>();
        endpoints.MapGrpcService<ObjectService>();
        endpoints.MapGrpcService<ImageService>();
        endpoints.MapGrpcService<SecretService>();
        endpoints.MapGrpcService<DictService>();
        endpoints.MapGrpcService<QueueService>();
        endpoints.MapGrpcService<VolumeService>();
    }
}
