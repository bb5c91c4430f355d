namespace Modal.Backend.ControlPlane.Placing;

/// <summary>What a worker offers.</summary>
/// <param name="Session">Its name here; ties are decided by it.</param>
/// <param name="CpuCores">More than zero.</param>
/// <param name="MemoryMiB">More than zero.</param>
internal sealed record WorkerDescription(string Session, double CpuCores, long MemoryMiB)
{
    /// <summary>Disk that containers may ask for. Default none.</summary>
    public long DiskMiB { get; init; }

    /// <summary>Default <see cref="ResourceNeed.DefaultPool"/>.</summary>
    public string Pool { get; init; } = ResourceNeed.DefaultPool;

    /// <summary>Empty, the default, if it was not set.</summary>
    public string Region { get; init; } = "";

    /// <summary>Default none; what is more than <see cref="WorkerCapacity.MaxGpus"/> is not used.</summary>
    public IReadOnlyList<GpuDevice> Gpus { get; init; } = [];
}

/// <summary>A GPU of a worker.</summary>
internal sealed record GpuDevice(string Uuid, string Model);
