using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Blobs;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>Removes blobs that were not used for long from time to time, and keeps those of running apps. Every server does it, also where several share a store.</summary>
internal sealed class BlobUpkeep(TierBlobs blobs, IRunningApps apps, TimeProvider time, ILogger<BlobUpkeep> logger) : BackgroundService
{
    // Not at once: the start of a daemon is what somebody waits for. And well within the half hour after which one without apps stops.
    private static readonly TimeSpan s_delay = TimeSpan.FromMinutes(10);

    // Far shorter than half of the least time to keep, within which the blobs of running apps must be stored again.
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(6);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var delay = s_delay; ; delay = s_interval)
        {
            await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await CollectAsync(stoppingToken);
        }
    }

    private async Task CollectAsync(CancellationToken stoppingToken)
    {
        try
        {
            var result = await blobs.CollectAsync(await apps.ListBlobsAsync(), stoppingToken);
            logger.BlobsCollected(blobs.Name, result.Removed, result.RemovedBytes, result.Kept);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The next run does what this one left.
        }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the store, apps go on.
        catch (Exception e)
        {
            logger.BlobsNotCollected(blobs.Name, s_interval, e);
        }
#pragma warning restore CA1031
    }
}
