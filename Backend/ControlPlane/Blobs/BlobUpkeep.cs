using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.Store.Blobs;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>Removes blobs that were not used for long from time to time, and keeps those of running apps. Every server does it, also where several share a store.</summary>
internal sealed class BlobUpkeep(TierBlobs blobs, IRunningApps apps, TimeProvider time, ILogger<BlobUpkeep> logger) : Upkeep(time, s_delay, s_interval)
{
    // Not at once: the start of a daemon is what somebody waits for. And well within the half hour after which one without apps stops.
    private static readonly TimeSpan s_delay = TimeSpan.FromMinutes(10);

    // Far shorter than half of the least time to keep, within which the blobs of running apps must be stored again.
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(6);

    protected override async Task RunAsync(CancellationToken cancellationToken)
    {
        var result = await blobs.CollectAsync(await apps.ListBlobsAsync(), cancellationToken);
        logger.BlobsCollected(blobs.Name, result.Removed, result.RemovedBytes, result.Kept);
    }

    protected override void Complain(Exception error) => logger.BlobsNotCollected(blobs.Name, s_interval, error);
}
