using Microsoft.Extensions.Logging;

namespace Modal.Backend.Images;

internal static partial class Log
{
    [LoggerMessage(6001, LogLevel.Information, "Layer {Layer} of an image failed: {Reason}")]
    public static partial void LayerFailed(ILogger logger, int layer, string reason);

    [LoggerMessage(6002, LogLevel.Error, "Building layer {Layer} of an image failed through this machine or its store.")]
    public static partial void BuildBroke(ILogger logger, Exception error, int layer);
}
