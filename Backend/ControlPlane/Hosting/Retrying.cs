using Microsoft.Extensions.Logging;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>Repeats what must not be lost.</summary>
internal static class Retrying
{
    // A grain that moves or a silo that starts answers within some tenths of a second; one that fails for good must not be asked all the time.
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromSeconds(5);

    /// <summary>Tries until it succeeds, at most every 5 s, or until it is stopped. What is tried may take effect more than once.</summary>
    public static async Task UntilDoneAsync(Func<Task> attempt, TimeProvider time, ILogger logger, CancellationToken stop)
    {
        for (var delay = s_firstDelay; !stop.IsCancellationRequested; delay = delay * 2 < s_maxDelay ? delay * 2 : s_maxDelay)
        {
            try
            {
                await attempt();
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                logger.GrainRequestRepeated(e, delay);
            }

            await Task.Delay(delay, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }
}
