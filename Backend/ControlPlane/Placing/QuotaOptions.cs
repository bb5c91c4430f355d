using System.ComponentModel.DataAnnotations;

namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What a workspace may have at the same time. What is more waits.</summary>
public sealed class QuotaOptions
{
    /// <summary>Containers in all. 0, the default, means no limit.</summary>
    [Range(0, int.MaxValue)]
    public int MaxContainers { get; set; }

    /// <summary>Cores requested in all. 0, the default, means no limit.</summary>
    [Range(0.0, 1_000_000_000.0)]
    public double MaxCpuCores { get; set; }

    /// <summary>Memory requested in all, in MiB. 0, the default, means no limit.</summary>
    [Range(0L, long.MaxValue)]
    public long MaxMemoryMiB { get; set; }

    /// <summary>GPUs in all. 0, the default, means no limit.</summary>
    [Range(0, int.MaxValue)]
    public int MaxGpus { get; set; }
}
