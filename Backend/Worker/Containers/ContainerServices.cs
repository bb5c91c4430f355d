using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Runners;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Snapshots;
using Modal.Backend.Worker.Volumes;

namespace Modal.Backend.Worker.Containers;

/// <summary>What every container of a worker uses.</summary>
internal sealed record ContainerServices(
    WorkerOptions Options, ISandboxFactory Factory, CodeVersions Code, ContainerImages Images, VolumeService Volumes, SnapshotService Snapshots, RunnerPool Runners, Holdings Holdings, IWorkerBlobs Blobs, GpuInventory Gpus, SemaphoreSlim StartSlots,
    Func<CancellationToken, ValueTask<Stream>> ConnectToServer, TimeProvider Time, ILogger Logger);
