using Microsoft.Extensions.Hosting;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>Work that is done again and again for as long as the server runs. What one run left the next one does.</summary>
/// <param name="time">The clock.</param>
/// <param name="delay">Before the first run.</param>
/// <param name="interval">Between runs.</param>
internal abstract class Upkeep(TimeProvider time, TimeSpan delay, TimeSpan interval) : BackgroundService
{
    protected TimeProvider Time { get; } = time;

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = delay; ; pause = interval)
        {
            await Task.Delay(pause, Time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await RunAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                // The next run does what this one left.
            }
#pragma warning disable CA1031 // The edge of a loop: whatever is wrong with the store or the database, the server goes on.
            catch (Exception e)
            {
                Complain(e);
            }
#pragma warning restore CA1031
        }
    }

    protected abstract Task RunAsync(CancellationToken cancellationToken);

    /// <summary>Logs that a run failed.</summary>
    protected abstract void Complain(Exception error);
}
