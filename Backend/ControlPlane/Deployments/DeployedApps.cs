using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Apps;

namespace Modal.Backend.ControlPlane.Deployments;

/// <summary>Starts what is deployed when the server starts.</summary>
internal sealed class DeployedApps(DeploymentStore deployments, IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<DeployedApps> logger) : BackgroundService
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var _ = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.WhenAll((await deployments.ListIdsAsync()).Select(id => grains.GetGrain<IDeployedAppGrain>(id).GetDeploymentAsync()));
                return;
            }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the database, the server goes on.
            catch (Exception e)
            {
                logger.DeployedAppsNotStarted(s_retry, e);
            }
#pragma warning restore CA1031

            await Task.Delay(s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
