using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Modal.Backend.Host.Daemon;

/// <summary>Removes the folder in which earlier builds kept blobs. Nothing is lost: clients send what the store does not have.</summary>
internal sealed class OldBlobs(HostOptions options, ILogger<OldBlobs> logger) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(Remove, CancellationToken.None);

    private void Remove()
    {
        var folder = Path.Combine(options.StateDirectory, "blobs");
        try
        {
            Directory.Delete(folder, recursive: true);
            Log.OldBlobsRemoved(logger, folder);
        }
        catch (DirectoryNotFoundException)
        {
            // It was removed before, or never there.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.OldBlobsStay(logger, folder, e.Message);
        }
    }
}
