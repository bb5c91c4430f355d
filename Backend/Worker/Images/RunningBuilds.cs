using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Containers;
using Modal.Protocol;

namespace Modal.Backend.Worker.Images;

/// <summary>Builds that the server asked for in one session.</summary>
internal sealed class RunningBuilds(ImageBuilder? builder, ImageRoots roots, IOutbox outbox, ILogger logger)
{
    private readonly ConcurrentDictionary<string, (CancellationTokenSource Stop, Task Done)> _builds = new(StringComparer.Ordinal);

    public void Start(BuildImage build)
    {
        var stop = new CancellationTokenSource();
        var begin = new TaskCompletionSource();
        _builds[build.BuildId] = (stop, RunAsync(build, begin.Task, stop.Token));
        begin.SetResult();
    }

    public void Cancel(string buildId)
    {
        if (_builds.TryGetValue(buildId, out var build))
        {
            build.Stop.Cancel();
        }
    }

    /// <summary>Ends all.</summary>
    public async Task StopAsync()
    {
        foreach (var (stop, _) in _builds.Values)
        {
            await stop.CancelAsync();
        }

        await Task.WhenAll(_builds.Values.Select(static b => b.Done));
    }

    private async Task RunAsync(BuildImage build, Task begin, CancellationToken cancellationToken)
    {
        await begin.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            if (builder is null)
            {
                Post(build, Failed("Images are built in gVisor, which does not run on this worker. The server's log says why and how to get it."));
                return;
            }

            // Whoever builds an image wants to mount it, soon or for the next step.
            roots.GetReady();
            await builder.BuildAsync(build.Request, happened => Post(build, happened), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for it any more.
        }
#pragma warning disable CA1031 // The edge of a build: a defect ends it and not the worker.
        catch (Exception e)
        {
            Log.BuildDefect(logger, build.BuildId, e);
            Post(build, Failed($"The build failed through a defect of the server: {e.Message}"));
        }
#pragma warning restore CA1031
        finally
        {
            _builds.TryRemove(build.BuildId, out _);
        }
    }

    private static BuildEvent Failed(string message) => new() { Failed = new BuildFailed { Layer = -1, Message = message } };

    private void Post(BuildImage build, BuildEvent happened) => outbox.Post(new WorkerMessage { Build = new WorkerBuildEvent { BuildId = build.BuildId, Event = happened } });
}
