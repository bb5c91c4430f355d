using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Modal.Backend.ControlPlane;

namespace Modal.Backend.Host.Daemon;

/// <summary>Stops a daemon that has had no app for a while: the next program starts it again.</summary>
internal sealed class IdleStop(HostOptions options, IRunningApps apps, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<IdleStop> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.IdleLimit <= TimeSpan.Zero)
        {
            return;
        }

        using var timer = new PeriodicTimer(s_interval < options.IdleLimit ? s_interval : options.IdleLimit, time);
        var idleSince = time.GetTimestamp();
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (await apps.CountAsync() > 0)
            {
                idleSince = time.GetTimestamp();
            }
            else if (time.GetElapsedTime(idleSince) >= options.IdleLimit)
            {
                Log.IdleStop(logger, options.IdleLimit);
                lifetime.StopApplication();
                return;
            }
        }
    }
}
