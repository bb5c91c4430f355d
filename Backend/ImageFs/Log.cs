using Microsoft.Extensions.Logging;

namespace Modal.Backend.ImageFs;

/// <summary>Everything the image file system logs, in the server and in its supervisor. Ids from 6000; never reused.</summary>
internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Error, "{Mount}: a read failed: {Reason}")]
    public static partial void ReadFailed(ILogger logger, string mount, string reason, Exception? exception);

    [LoggerMessage(6001, LogLevel.Error, "{Mount}: a read gave {Count} bytes instead of {Length}")]
    public static partial void ShortRead(ILogger logger, string mount, int count, int length);

    [LoggerMessage(6002, LogLevel.Warning, "{Mount}: the kernel refused a reply of {Length} bytes with errno {Error}")]
    public static partial void ReplyRefused(ILogger logger, string mount, int error, int length);

    [LoggerMessage(6003, LogLevel.Error, "{Mount}: answering {Operation} of node {NodeId} failed")]
    public static partial void RequestFailed(ILogger logger, string mount, Protocol.FuseOpcode operation, ulong nodeId, Exception exception);

    [LoggerMessage(6004, LogLevel.Error, "{Mount}: the kernel sent {Length} bytes that are no request")]
    public static partial void NoRequest(ILogger logger, string mount, int length);

    [LoggerMessage(6005, LogLevel.Error, "{Mount}: the kernel speaks FUSE {Major}.{Minor}; 7.31 (Linux 5.4) or newer is needed")]
    public static partial void KernelTooOld(ILogger logger, string mount, uint major, uint minor);

    [LoggerMessage(6006, LogLevel.Error, "{Mount}: reading the FUSE device failed with errno {Error}")]
    public static partial void DeviceFailed(ILogger logger, string mount, int error);

    [LoggerMessage(6007, LogLevel.Error, "{Mount}: the kernel does not send again what the dead server left, errno {Error}; its readers may wait for ever")]
    public static partial void ResendRefused(ILogger logger, string mount, int error);

    [LoggerMessage(6008, LogLevel.Warning, "The image file system's server (process {ProcessId}) ended with {Reason}; another takes its mounts over")]
    public static partial void ServerEnded(ILogger logger, int processId, string reason);

    [LoggerMessage(6009, LogLevel.Error, "The image file system's server cannot be started: {Reason}")]
    public static partial void ServerNotStarted(ILogger logger, string reason);

    [LoggerMessage(6010, LogLevel.Error, "The image file system's server (process {ProcessId}) gave no answer for {Timeout} and is killed")]
    public static partial void ServerHangs(ILogger logger, int processId, TimeSpan timeout);

    [LoggerMessage(6011, LogLevel.Error, "The image file system's server does not speak our protocol: {Reason}")]
    public static partial void ServerConfused(ILogger logger, string reason);

    [LoggerMessage(6012, LogLevel.Error, "The mount of image {ImageId} is lost: {Reason}")]
    public static partial void ConnectionLost(ILogger logger, Store.Digests.Digest imageId, string reason);

    [LoggerMessage(6013, LogLevel.Information, "Removed the mount {Path} that was left behind")]
    public static partial void MountRemoved(ILogger logger, string path);

    [LoggerMessage(6014, LogLevel.Warning, "The readahead of {Path} could not be set; large files are read more slowly")]
    public static partial void NoReadAhead(ILogger logger, string path);

    [LoggerMessage(6015, LogLevel.Error, "The contents of images cannot be opened: {Reason}")]
    public static partial void ContentNotOpened(ILogger logger, string reason);
}
