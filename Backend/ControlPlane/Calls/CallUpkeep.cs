using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>Starts again what an earlier process of the server left unfinished, and forgets results whose time is over.</summary>
internal sealed class CallUpkeep(CallStore calls, IGrainFactory grains, IOptions<ControlPlaneOptions> options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<CallUpkeep> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var _ = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var isRestored = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!isRestored)
                {
                    await Task.WhenAll((await calls.ListFunctionsAsync()).GroupBy(static f => f.AppId, StringComparer.Ordinal).Select(a => grains.GetGrain<IAppGrain>(a.Key).RestoreAsync(new StoredFunctions([.. a]))));
                    isRestored = true;
                }

                while (await calls.ExpireAsync(options.Value.ResultKeep) > 0 && !stoppingToken.IsCancellationRequested)
                {
                    // Some at a time, so that others get their turn to write.
                }
            }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the database, the server goes on.
            catch (Exception e)
            {
                logger.CallUpkeepFailed(s_interval, e);
            }
#pragma warning restore CA1031

            await Task.Delay(s_interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
