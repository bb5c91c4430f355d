using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Hosting;

namespace Modal.Backend.ControlPlane.Calls;

/// <summary>Forgets results of detached calls whose time is over.</summary>
internal sealed class CallUpkeep(CallStore calls, IOptions<ControlPlaneOptions> options, TimeProvider time, ILogger<CallUpkeep> logger) : Upkeep(time, TimeSpan.Zero, s_interval)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(5);

    protected override async Task RunAsync(CancellationToken cancellationToken)
    {
        while (await calls.ExpireAsync(options.Value.ResultKeep) > 0 && !cancellationToken.IsCancellationRequested)
        {
            // Some at a time, so that others get their turn to write.
        }
    }

    protected override void Complain(Exception error) => logger.CallUpkeepFailed(s_interval, error);
}
