using Microsoft.Extensions.Logging;

namespace Modal.Backend.ControlPlane.Hosting;

/// <summary>The edge for work that nobody waits for.</summary>
internal static class Watching
{
    /// <summary>Awaits the task; what goes wrong is a defect, and is logged instead of thrown.</summary>
    public static async Task WatchAsync(this ILogger logger, Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            logger.GrainRequestFailed(e);
        }
    }
}
