using Microsoft.Extensions.Logging;
using Modal.Protocol;

namespace Modal.Backend.Worker;

/// <summary>Everything the worker logs. Ids from 3000; never reused.</summary>
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Error, "Handling an event of a sandbox failed")]
    public static partial void HandlerFailed(ILogger logger, Exception exception);

    [LoggerMessage(3001, LogLevel.Information, "Containers run in {Sandbox} sandboxes")]
    public static partial void SandboxChosen(ILogger logger, string sandbox);

    [LoggerMessage(3002, LogLevel.Warning, "Containers are NOT isolated: {Advice}")]
    public static partial void NotIsolated(ILogger logger, string advice);

    [LoggerMessage(3003, LogLevel.Warning, "{Missing}")]
    public static partial void LimitsMissing(ILogger logger, string missing);

    [LoggerMessage(3004, LogLevel.Information, "Container {ContainerId} of {Function} is ready: {Phases}")]
    public static partial void ContainerReady(ILogger logger, string containerId, string function, string phases);

    [LoggerMessage(3005, LogLevel.Information, "Container {ContainerId} ended: {Reason} {Message}")]
    public static partial void ContainerEnded(ILogger logger, string containerId, ExitReason reason, string message);

    [LoggerMessage(3006, LogLevel.Information, "Stopping container {ContainerId}: {Reason}")]
    public static partial void ContainerStopping(ILogger logger, string containerId, string reason);

    [LoggerMessage(3007, LogLevel.Warning, "Container {ContainerId} broke the protocol: {What}")]
    public static partial void ProtocolViolation(ILogger logger, string containerId, string what);

    [LoggerMessage(3008, LogLevel.Information, "Removed {Count} leftovers of an earlier run")]
    public static partial void LeftoversRemoved(ILogger logger, int count);

    [LoggerMessage(3009, LogLevel.Information, "Registered as {WorkerId} with {CpuCores} cores and {MemoryMiB} MiB")]
    public static partial void Registered(ILogger logger, string workerId, double cpuCores, long memoryMiB);

    [LoggerMessage(3010, LogLevel.Warning, "The connection to the server ended; dialling again in {Delay}: {Cause}")]
    public static partial void ConnectionLost(ILogger logger, TimeSpan delay, string cause);

    [LoggerMessage(3011, LogLevel.Critical, "The server refused this worker: {Refusal}")]
    public static partial void Refused(ILogger logger, string refusal);

    [LoggerMessage(3012, LogLevel.Error, "Container {ContainerId} failed through a defect of the worker")]
    public static partial void ContainerDefect(ILogger logger, string containerId, Exception exception);

    [LoggerMessage(3013, LogLevel.Warning, "Could not remove {Path}: {Cause}")]
    public static partial void RemovalFailed(ILogger logger, string path, string cause);

    [LoggerMessage(3014, LogLevel.Error, "Build {BuildId} failed through a defect of the worker")]
    public static partial void BuildDefect(ILogger logger, string buildId, Exception exception);

    [LoggerMessage(3015, LogLevel.Warning, "The recorded reads of a start of {Function} could not be kept: {Cause}")]
    public static partial void TraceNotKept(ILogger logger, string function, string cause);

    [LoggerMessage(3016, LogLevel.Information, "Collected {Store}: removed {Removed} objects of {RemovedBytes} bytes, kept {Kept}")]
    public static partial void StoreCollected(ILogger logger, string store, int removed, long removedBytes, int kept);

    [LoggerMessage(3019, LogLevel.Information, "Draining: {Count} containers have {Grace} to finish")]
    public static partial void Draining(ILogger logger, int count, TimeSpan grace);

    [LoggerMessage(3018, LogLevel.Warning, "Images are unpacked as a whole before containers start: {Obstacle}")]
    public static partial void ImagesUnpacked(ILogger logger, string obstacle);

    [LoggerMessage(3019, LogLevel.Warning, "The disk of container {ContainerId}, {SizeMiB} MiB, is in memory and counts against its memory limit, because it cannot be on this machine's disk: {Obstacle}")]
    public static partial void DiskInMemory(ILogger logger, string containerId, long sizeMiB, string obstacle);

    [LoggerMessage(3020, LogLevel.Warning, "The processor limit of container {ContainerId}, {CpuLimitCores} cores, is not enforced: this machine's control groups cannot")]
    public static partial void CpuNotLimited(ILogger logger, string containerId, double cpuLimitCores);

    [LoggerMessage(3021, LogLevel.Information, "GPUs that containers may have: {Models}, driver {DriverVersion}")]
    public static partial void GpusFound(ILogger logger, string models, string driverVersion);

    [LoggerMessage(3022, LogLevel.Warning, "This machine's GPUs cannot be used: {Cause}")]
    public static partial void GpusNotUsable(ILogger logger, string cause);

    [LoggerMessage(3023, LogLevel.Warning, "GPU {Gpu} is left out: {Cause}")]
    public static partial void GpuLeftOut(ILogger logger, string gpu, string cause);

    [LoggerMessage(3024, LogLevel.Warning, "The driver's library libcuda.so.1 was not found, so containers see GPUs but cannot compute on them; it is in the distribution's package libcuda1 or libnvidia-compute")]
    public static partial void GpuLibrariesMissing(ILogger logger);

    [LoggerMessage(3017, LogLevel.Warning, "{Store} could not be collected; the next attempt is in {Delay}")]
    public static partial void StoreNotCollected(ILogger logger, string store, TimeSpan delay, Exception exception);

    [LoggerMessage(3019, LogLevel.Information, "Stored the snapshot {Key} of {Function}: {SizeBytes} bytes, {NewBytes} of them new, {PackedBytes} when packed")]
    public static partial void SnapshotPublished(ILogger logger, string key, string function, long sizeBytes, long newBytes, long packedBytes);

    [LoggerMessage(3020, LogLevel.Warning, "No snapshot of {Function} is kept; its containers start without: {Reason}")]
    public static partial void SnapshotNotTaken(ILogger logger, string function, string reason);

    [LoggerMessage(3021, LogLevel.Warning, "The snapshot {Key} of {Function} could not be restored and is thrown away: {Reason}")]
    public static partial void SnapshotRejected(ILogger logger, string key, string function, string reason);

    [LoggerMessage(3023, LogLevel.Warning, "A runner of the image '{ImageId}' could not be started ahead: {Reason}")]
    public static partial void RunnerNotStarted(ILogger logger, string imageId, string reason);

    [LoggerMessage(3022, LogLevel.Warning, "The snapshot {Key} cannot be had: {Reason}")]
    public static partial void SnapshotNotFetched(ILogger logger, string key, string reason);

    [LoggerMessage(3024, LogLevel.Warning, "Container {ContainerId} could not be connected to the server: {Reason}")]
    public static partial void ServerNotReached(ILogger logger, string containerId, string reason);

    [LoggerMessage(3025, LogLevel.Warning, "Container {ContainerId} is ended because its process sent what no runner sends: {Violation}.")]
    public static partial void ContainerViolates(ILogger logger, string containerId, string violation);

    [LoggerMessage(3060, LogLevel.Information, "Committed {Count} entries of the volume {VolumeId} as version {Version} in {ElapsedMs} ms")]
    public static partial void VolumeCommitted(ILogger logger, string volumeId, int count, long version, long elapsedMs);

    [LoggerMessage(3061, LogLevel.Warning, "What container {ContainerId} wrote to the volume {VolumeId} could not be committed: {Cause}")]
    public static partial void VolumeNotCommitted(ILogger logger, string containerId, string volumeId, string cause);

    [LoggerMessage(3062, LogLevel.Error, "A volume of container {ContainerId} failed through a defect of the worker")]
    public static partial void VolumeDefect(ILogger logger, string containerId, Exception exception);
}
