using Modal.Backend.Worker.Gpus;

namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>What is in a sandbox.</summary>
internal sealed record BundleSpec
{
    /// <summary>Root file system on this machine.</summary>
    public required string Root { get; init; }

    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>All of its environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    /// <summary>What of this machine is mounted.</summary>
    public IReadOnlyList<BindMount> Binds { get; init; } = [];

    /// <summary>Where the program starts.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>The container's memory.</summary>
    public required long MemoryMiB { get; init; }

    /// <summary>What /tmp may hold, in memory; zero means half of the container's memory. Not looked at if it is on a disk.</summary>
    public long TemporaryMiB { get; init; }

    /// <summary>Folder of this machine that is /tmp; null for one in memory.</summary>
    public string? DiskFolder { get; init; }

    /// <summary>Its GPUs; null for none.</summary>
    public GpuAccess? Gpu { get; init; }

    /// <summary>Who runs.</summary>
    public uint Uid { get; init; } = GVisorBundle.NobodyId;

    /// <summary>Its group.</summary>
    public uint Gid { get; init; } = GVisorBundle.NobodyId;

    /// <summary>
    /// A step of an image's build: what it writes goes to the root on this machine, and it has the capabilities of package managers. Else the root is read-only
    /// beneath an overlay in memory, and there are none.
    /// </summary>
    public bool IsBuild { get; init; }

    /// <summary>Whether it uses this machine's network. Else it has none.</summary>
    public bool HasHostNetwork { get; init; }
}
