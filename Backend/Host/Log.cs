using Microsoft.Extensions.Logging;

namespace Modal.Backend.Host;

/// <summary>Log messages of this project; ids 1000 to 1999.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "No app has run for {Limit}; the daemon stops.")]
    public static partial void IdleStop(ILogger logger, TimeSpan limit);

    [LoggerMessage(1001, LogLevel.Information, "Removed {Folder}: blobs are in the store now.")]
    public static partial void OldBlobsRemoved(ILogger logger, string folder);

    [LoggerMessage(1002, LogLevel.Warning, "{Folder}, which is not used any more, could not be removed: {Cause}")]
    public static partial void OldBlobsStay(ILogger logger, string folder, string cause);
}
