using Microsoft.Extensions.Logging;

namespace Modal.Backend.Host;

/// <summary>Log messages of this project; ids 1000 to 1999.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "No app has run for {Limit}; the daemon stops.")]
    public static partial void IdleStop(ILogger logger, TimeSpan limit);
}
