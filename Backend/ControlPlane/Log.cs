using Microsoft.Extensions.Logging;

namespace Modal.Backend.ControlPlane;

/// <summary>Log messages of this project; ids 2000 to 2999.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Information, "App {AppId} ({Name}) is open.")]
    public static partial void AppOpened(this ILogger logger, string appId, string name);

    [LoggerMessage(2001, LogLevel.Information, "App {AppId} is being stopped: {Reason}.")]
    public static partial void AppStopping(this ILogger logger, string appId, string reason);

    [LoggerMessage(2002, LogLevel.Information, "App {AppId} has ended.")]
    public static partial void AppEnded(this ILogger logger, string appId);

    [LoggerMessage(2003, LogLevel.Information, "App {AppId} lost its connection and has {Grace} to come back.")]
    public static partial void AppLost(this ILogger logger, string appId, TimeSpan grace);

    [LoggerMessage(2004, LogLevel.Information, "App {AppId} goes on although {Reason}: {Functions} of its functions have detached calls.")]
    public static partial void AppHeld(this ILogger logger, string appId, string reason, int functions);

    [LoggerMessage(2005, LogLevel.Information, "{Count} detached calls of {Function} that an earlier process left go on.")]
    public static partial void CallsRecovered(this ILogger logger, int count, string function);

    [LoggerMessage(2006, LogLevel.Error, "Results of detached calls whose time is over could not be removed; tried again in {Delay}.")]
    public static partial void CallUpkeepFailed(this ILogger logger, TimeSpan delay, Exception exception);

    [LoggerMessage(2007, LogLevel.Information, "App {AppId} ({Name}) is deployed as version {Version}.")]
    public static partial void AppDeployed(this ILogger logger, string appId, string name, long version);

    [LoggerMessage(2008, LogLevel.Error, "Apps that go on without a client could not be started; tried again in {Delay}.")]
    public static partial void AppsNotRestarted(this ILogger logger, TimeSpan delay, Exception exception);

    [LoggerMessage(2010, LogLevel.Information, "Worker {WorkerId} is here as {Session}: {CpuCores} cores, {MemoryMiB} MiB, sandbox {Sandbox}.")]
    public static partial void WorkerRegistered(this ILogger logger, string workerId, string session, double cpuCores, long memoryMiB, string sandbox);

    [LoggerMessage(2011, LogLevel.Warning, "Worker {WorkerId} is lost ({Session}): {Reason}.")]
    public static partial void WorkerLost(this ILogger logger, string workerId, string session, string reason);

    [LoggerMessage(2012, LogLevel.Error, "A worker was refused: {Reason}")]
    public static partial void WorkerRefused(this ILogger logger, string reason);

    [LoggerMessage(2013, LogLevel.Information, "Worker {Session} is about to stop and gets no new containers: {Reason}.")]
    public static partial void WorkerDraining(this ILogger logger, string session, string reason);

    [LoggerMessage(2020, LogLevel.Information, "Container {ContainerId} of {Function} starts on {Session}.")]
    public static partial void ContainerStarting(this ILogger logger, string containerId, string function, string session);

    [LoggerMessage(2021, LogLevel.Information, "Container {ContainerId} of {Function} is ready after {ElapsedMs} ms ({Phases}).")]
    public static partial void ContainerReady(this ILogger logger, string containerId, string function, long elapsedMs, string phases);

    [LoggerMessage(2022, LogLevel.Information, "Container {ContainerId} of {Function} has ended: {Reason}. {Detail}")]
    public static partial void ContainerExited(this ILogger logger, string containerId, string function, string reason, string detail);

    [LoggerMessage(2023, LogLevel.Information, "Container {ContainerId} of {Function} is told to stop: {Reason}.")]
    public static partial void ContainerStopping(this ILogger logger, string containerId, string function, string reason);

    [LoggerMessage(2024, LogLevel.Warning, "{Count} containers of {Function} did not end in time and are given up.")]
    public static partial void ContainersGivenUp(this ILogger logger, int count, string function);

    [LoggerMessage(2025, LogLevel.Information, "{Function} scales from {Min} to {Max} containers now, with a buffer of {Buffer} and a scaledown window of {WindowMs} ms.")]
    public static partial void ScalingChanged(this ILogger logger, string function, int min, int max, int buffer, long windowMs);

    [LoggerMessage(2030, LogLevel.Error, "A request of one grain to another failed.")]
    public static partial void GrainRequestFailed(this ILogger logger, Exception error);

    [LoggerMessage(2034, LogLevel.Warning, "A request of one grain to another failed and is sent again in {Delay}.")]
    public static partial void GrainRequestRepeated(this ILogger logger, Exception error, TimeSpan delay);

    [LoggerMessage(2031, LogLevel.Error, "A {Stream} stream failed.")]
    public static partial void StreamFailed(this ILogger logger, Exception error, string stream);

    [LoggerMessage(2032, LogLevel.Warning, "Blob {Digest} was refused: {Reason}.")]
    public static partial void BlobRefused(this ILogger logger, string digest, string reason);

    [LoggerMessage(2033, LogLevel.Warning, "The store could not do what a peer asked.")]
    public static partial void TierFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2034, LogLevel.Information, "Collected blobs of {Store}: removed {Removed} of {RemovedBytes} bytes, kept {Kept}.")]
    public static partial void BlobsCollected(this ILogger logger, string store, int removed, long removedBytes, int kept);

    [LoggerMessage(2035, LogLevel.Warning, "The blobs of {Store} could not be collected; the next attempt is in {Delay}.")]
    public static partial void BlobsNotCollected(this ILogger logger, string store, TimeSpan delay, Exception exception);

    [LoggerMessage(2026, LogLevel.Warning, "A connection of container {ContainerId} was refused: no worker here has it.")]
    public static partial void UnknownContainer(this ILogger logger, string containerId);

    [LoggerMessage(2040, LogLevel.Information, "Build {BuildId} of {Layers} layers starts on {Session}.")]
    public static partial void BuildStarted(this ILogger logger, string buildId, int layers, string session);

    [LoggerMessage(2041, LogLevel.Information, "Build {BuildId} is over; it came to its end: {Ended}.")]
    public static partial void BuildEnded(this ILogger logger, string buildId, bool ended);

    [LoggerMessage(2050, LogLevel.Warning, "What has expired of secrets, dicts and queues could not be removed; the next attempt is in {Delay}.")]
    public static partial void NamesNotCollected(this ILogger logger, Exception error, TimeSpan delay);

    [LoggerMessage(2051, LogLevel.Information, "Made the key that seals secrets, {Path}. Without it they cannot be opened: keep a copy.")]
    public static partial void SecretsKeyMade(this ILogger logger, string path);

    [LoggerMessage(2060, LogLevel.Warning, "The records of volumes in {Store}, which keep them from being collected, could not be renewed; the next attempt is in {Delay}.")]
    public static partial void VolumesNotRenewed(this ILogger logger, string store, TimeSpan delay, Exception exception);
}
