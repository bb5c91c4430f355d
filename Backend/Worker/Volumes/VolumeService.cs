using System.ComponentModel;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Protocol;

namespace Modal.Backend.Worker.Volumes;

/// <summary>Gives containers their volumes. Safe from many threads.</summary>
internal sealed class VolumeService(
    IOptions<WorkerOptions> options, ImageStore store, ImageRoots roots, UsedImages used, IControlPlaneChannel channel, TimeProvider time, ILogger<VolumeService> logger)
{
    private readonly Lazy<Protocol.Volumes.VolumesClient> _client = new(() => new Protocol.Volumes.VolumesClient(channel.CreateCallInvoker()));

    /// <summary>Commits of changes that nobody asked for are this far apart; zero makes none.</summary>
    public TimeSpan CommitInterval { get; set; } = TimeSpan.FromSeconds(5);

    public ImageStore Store => store;

    public ImageRoots Roots => roots;

    /// <summary>Keeps indexes that are mounted from being collected.</summary>
    public UsedImages Used => used;

    public Protocol.Volumes.VolumesClient Client => _client.Value;

    public TimeProvider Time => time;

    public ILogger Logger => logger;

    private string Folder => Path.Combine(options.Value.StateDirectory, "volumes");

    /// <summary>Takes away what a killed worker left: what its containers had not committed is lost. Before the first mount.</summary>
    public void CleanUp() => StepFolder.CleanUp(Folder);

    /// <summary>Mounts volumes for a container.</summary>
    /// <param name="containerId">The container.</param>
    /// <param name="mounts">Which, and where.</param>
    /// <param name="image">Its image; null for the standard base.</param>
    /// <param name="standardRoot">The standard base.</param>
    /// <param name="onProblem">Told of commits that failed and that nobody waits for.</param>
    /// <param name="cancellationToken">Ends it; nothing stays.</param>
    /// <exception cref="SandboxStartException">One cannot be mounted.</exception>
    /// <exception cref="IOException">The files of one cannot be had.</exception>
    public async Task<ContainerVolumes> MountAsync(
        string containerId, IReadOnlyList<VolumeMount> mounts, SandboxImage? image, string standardRoot, Action<string> onProblem, CancellationToken cancellationToken)
    {
        var volumes = new ContainerVolumes(this, containerId, Path.Combine(Folder, containerId), onProblem);
        try
        {
            await volumes.MountAsync(mounts, image, standardRoot, cancellationToken);
            return volumes;
        }
        catch (Exception e)
        {
            await volumes.DisposeAsync();
            throw e switch
            {
                RpcException rpc => new SandboxStartException($"Its volumes cannot be had: {rpc.Status.Detail}", e),
                Win32Exception => new SandboxStartException(
                    $"Its volumes cannot be mounted: {e.Message}. The worker must run as root, and its state directory must be on a file system that can hold an overlay, such as ext4 or xfs.", e),
                _ => e,
            };
        }
    }
}
