using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane.Calls;
using Modal.Backend.ControlPlane.Deployments;

namespace Modal.Backend.ControlPlane.Apps;

/// <summary>Starts, when the server has started, what goes on without a client: deployed apps, and those whose detached calls an earlier process of the server left unfinished.</summary>
internal sealed class AppRestart(DeploymentStore deployments, CallStore calls, IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<AppRestart> logger) : BackgroundService
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
                await Task.WhenAll((await calls.ListFunctionsAsync()).GroupBy(static f => f.AppId, StringComparer.Ordinal).Select(a => grains.GetGrain<IAppGrain>(a.Key).RestoreAsync(new StoredFunctions([.. a]))));
                return;
            }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the database, the server goes on.
            catch (Exception e)
            {
                logger.AppsNotRestarted(s_retry, e);
            }
#pragma warning restore CA1031

            await Task.Delay(s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
