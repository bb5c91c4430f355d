using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Digests;

namespace Modal.Backend.Store;

internal static partial class Log
{
    [LoggerMessage(5001, LogLevel.Warning, "The cached chunk {Digest} in {Path} is damaged and will be fetched again: {Reason}.")]
    public static partial void ChunkDamaged(ILogger logger, Digest digest, string path, string reason);

    [LoggerMessage(5002, LogLevel.Warning, "The cache {Directory} takes nothing now: {Reason}. Files are read without it, each time from the store.")]
    public static partial void NotCached(ILogger logger, string directory, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "{Tier}: {Key} gave wrong bytes for the chunk {Digest}; they are asked for once more.")]
    public static partial void WrongBytes(ILogger logger, string tier, string key, Digest digest);

    [LoggerMessage(5004, LogLevel.Warning, "{Tier}: {Key} could not be read, attempt {Attempt} of {Attempts}: {Reason}")]
    public static partial void ReadFailed(ILogger logger, string tier, string key, int attempt, int attempts, string reason);

    [LoggerMessage(5005, LogLevel.Error, "The chunk {Digest} cannot be had: {Reason}")]
    public static partial void ChunkUnavailable(ILogger logger, Digest digest, string reason);
}
