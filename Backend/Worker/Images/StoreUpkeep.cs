using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Collection;

namespace Modal.Backend.Worker.Images;

/// <summary>
/// Collects the store of images from time to time, and so says which images the containers of this worker use. Every worker does it, also where several share a store: collections do not disturb
/// each other.
/// </summary>
internal sealed class StoreUpkeep(IOptions<WorkerOptions> options, ImageStore store, UsedImages used, TimeProvider time, ILogger<StoreUpkeep> logger) : BackgroundService
{
    // A tenth more or less: workers that were started together do not all list the store together.
    private const double Jitter = 0.1;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.CollectionInterval is not { } interval || interval == TimeSpan.Zero)
        {
            return;
        }

        var collector = new Collector(store.Tier, new CollectorOptions(), time);
        var delay = options.Value.CollectionDelay;
        while (true)
        {
            await Task.Delay(delay, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            delay = interval * (1 - Jitter + (2 * Jitter * Random.Shared.NextDouble()));
            await CollectAsync(collector, delay, stoppingToken);
        }
    }

    private async Task CollectAsync(Collector collector, TimeSpan next, CancellationToken stoppingToken)
    {
        try
        {
            var result = await collector.RunAsync(used.Ids, stoppingToken);
            Log.StoreCollected(logger, store.Tier.Name, result.Removed, result.RemovedBytes, result.Kept);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The next run does what this one left.
        }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the store, containers go on.
        catch (Exception e)
        {
            Log.StoreNotCollected(logger, store.Tier.Name, next, e);
        }
#pragma warning restore CA1031
    }
}
