using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;

namespace Modal.Backend.Worker;

/// <summary>Settings of a worker. Checked when the process starts.</summary>
public sealed class WorkerOptions
{
    /// <summary>Where the worker keeps its state: code versions, sandbox bundles, its id. An absolute path; default <c>/var/lib/modal</c>. One worker per directory.</summary>
    public string StateDirectory { get; set; } = "/var/lib/modal";

    /// <summary>Folder with the published runner. Default: the environment variable <c>MODAL_RUNNER_DIR</c>, else <c>runner</c> beside the folder of this program.</summary>
    public string RunnerDirectory { get; set; } =
        Environment.GetEnvironmentVariable("MODAL_RUNNER_DIR") ?? Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "runner"));

    /// <summary>Folder with the published file system of images. Default: the environment variable <c>MODAL_IMAGEFS_DIR</c>, else <c>imagefs</c> beside the folder of this program.</summary>
    public string ImageFsDirectory { get; set; } =
        Environment.GetEnvironmentVariable("MODAL_IMAGEFS_DIR") ?? Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "imagefs"));

    /// <summary>Root file system of containers. Null, the default, means the newest <c>base/*/rootfs</c> of the state directory.</summary>
    public string? BaseRootDirectory { get; set; }

    /// <summary>Which sandbox to use; default: gVisor where it works, else plain processes.</summary>
    public SandboxKind Sandbox { get; set; } = SandboxKind.Auto;

    /// <summary>The runsc program; a path, or a name that is looked for in PATH. Default <c>runsc</c>.</summary>
    public string RunscPath { get; set; } = "runsc";

    /// <summary>
    /// gVisor's platform: <c>systrap</c> (default), <c>kvm</c> or <c>ptrace</c>. kvm is faster on bare metal, and is not chosen by itself
    /// because inside virtual machines it may be present and yet hang.
    /// </summary>
    public string Platform { get; set; } = "systrap";

    /// <summary>Cores that containers may request in all. 0, the default, means all of the machine.</summary>
    public double CpuCores { get; set; }

    /// <summary>Memory in MiB that containers may request in all. 0, the default, means 80 % of the machine's.</summary>
    public long MemoryMiB { get; set; }

    /// <summary>Containers that start at the same time. 0, the default, means one per core: more would only slow each other down.</summary>
    public int ConcurrentStarts { get; set; }

    /// <summary>How many runners wait for containers at most, each with some 80 MiB. Null, the default, means two per core; zero means none.</summary>
    public int? WaitingRunners { get; set; }

    /// <summary>How long code goes on after its timeout or cancellation was signalled to it before the container is killed. Default 1 s; zero kills at once.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A container silent for this long is lost and killed. Default 30 s, at least 10 s (a container sends a sign of life every 5 s).</summary>
    public TimeSpan SilenceLimit { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Wait before dialling the server again; doubles up to 30 times this. Default 200 ms.</summary>
    public TimeSpan ReconnectDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// How long a worker that is asked to stop lets its containers finish while others take their place elsewhere. Default 30 s, at most 1 h; zero stops at once, as a
    /// local daemon's worker does, which has nobody to take its place.
    /// </summary>
    public TimeSpan DrainGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The store of images that all workers share, such as <c>folder:/srv/store</c> or <c>s3:bucket/prefix</c>. Null, the default, means the folder <c>store</c> of the state directory.</summary>
    public string? StoreTier { get; set; }

    /// <summary>The store as its address, the default filled in.</summary>
    internal string StoreAddress => StoreTier ?? $"folder:{Path.Combine(StateDirectory, "store")}";

    /// <summary>How images become root file systems. Default <see cref="ImageRootMode.Auto"/>.</summary>
    public ImageRootMode Images { get; set; } = ImageRootMode.Auto;

    /// <summary>How many bytes of images this machine may cache. Default 20 GiB, at least 64 MiB.</summary>
    public long CacheBytes { get; set; } = 20L * 1024 * 1024 * 1024;

    /// <summary>How many bytes of snapshots of memory this machine keeps on its disk. Default 20 GiB, at least 64 MiB; one that is in use stays.</summary>
    public long SnapshotBytes { get; set; } = 20L * 1024 * 1024 * 1024;

    /// <summary>How long after its start the worker collects the store of images for the first time. Default 10 min, by when it has the images of its containers; zero collects at once.</summary>
    public TimeSpan CollectionDelay { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How often the worker removes from the store of images what nothing needs, give or take a tenth. Default 24 h, from 1 h to 14 days. Null or zero: never; then containers that run for more
    /// than a month can lose their image to another worker's collection.
    /// </summary>
    public TimeSpan? CollectionInterval { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Where this worker is, such as <c>eu-west</c>: functions may ask for it. Up to 64 letters, digits, dots, dashes and underscores; empty, the default, means that it is not known.</summary>
    public string Region { get; set; } = "";

    /// <summary>Pool that this worker belongs to: it takes the functions that name it, and no others. Up to 64 letters, digits, dots, dashes and underscores. Default <c>default</c>, the pool of functions that name none.</summary>
    public string Pool { get; set; } = "default";

    /// <summary>Disk in MiB that containers may request in all. 0, the default, means 80 % of what is free in the state directory when the worker starts.</summary>
    public long EphemeralDiskMiB { get; set; }

    /// <summary>Uuids of the GPUs that containers may have. Null, the default, means all that the driver shows; an empty list means none.</summary>
    public IReadOnlyList<string>? Gpus { get; set; }

    /// <summary>NVIDIA's management library; a path, or a name that the loader looks for. Default <c>libnvidia-ml.so.1</c>; a machine that does not have it has no GPUs.</summary>
    public string NvmlPath { get; set; } = "libnvidia-ml.so.1";

    /// <summary>Folder with the device nodes of GPUs (nvidiactl, nvidia0 and so on). Default <c>/dev</c>. A GPU without its node is left out. In containers they are always in /dev.</summary>
    public string GpuDeviceDirectory { get; set; } = "/dev";

    /// <summary>Folder with the driver's libraries (libcuda.so.1 and so on). Null, the default, means the usual places.</summary>
    public string? GpuLibraryDirectory { get; set; }

    /// <summary>Memory in MiB of a step of an image's build. Default 4096, at least 256; a step that uses more is ended.</summary>
    public long BuildMemoryMiB { get; set; } = 4096;
}
