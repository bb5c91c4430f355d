using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>What the server needs to know of a <see cref="FunctionSpec"/>, with its defaults filled in.</summary>
internal sealed record FunctionSettings
{
    /// <summary>Inputs that run at the same time in one container.</summary>
    public int Concurrency { get; init; } = 1;

    /// <summary>Inputs per container that scaling aims at; at most <see cref="Concurrency"/>, which it is unless set.</summary>
    public int TargetConcurrency
    {
        get => field > 0 ? Math.Min(field, Concurrency) : Concurrency;
        init;
    }

    /// <summary>A container serves one input, or one batch.</summary>
    public bool IsSingleUse { get; init; }

    /// <summary>Most inputs of one batch; zero if inputs are not gathered.</summary>
    public int BatchSize { get; init; }

    /// <summary>How long the first input of a batch may wait for others.</summary>
    public long BatchWaitMs { get; init; }

    public int Retries { get; init; }

    public double RetryBackoff { get; init; } = 1;

    /// <summary>Long enough for a passing fault to pass, short enough to wait for.</summary>
    public long RetryInitialDelayMs { get; init; } = 1_000;

    public long RetryMaxDelayMs { get; init; } = 60_000;

    /// <summary>Idle containers beside the busy ones while the function is in use.</summary>
    public int BufferContainers { get; init; }

    public int MinContainers { get; init; }

    public int MaxContainers { get; init; } = 10;

    public long ScaledownWindowMs { get; init; } = 60_000;

    public double CpuCores { get; init; } = 0.125;

    public long MemoryMiB { get; init; } = 1024;

    public string Gpu { get; init; } = "";

    /// <summary>Containers that are started and given inputs together; zero if each is by itself.</summary>
    public int ClusterSize { get; init; }

    public bool IsClustered => ClusterSize > 1;

    /// <summary>Containers that take an input together.</summary>
    public int ContainersPerUnit => IsClustered ? ClusterSize : 1;

    public bool IsBatched => BatchSize > 0;

    /// <summary>Inputs that one container works on at a time.</summary>
    public int InputsPerContainer => IsBatched ? BatchSize : TargetConcurrency;

    /// <param name="retry">From 1.</param>
    public long RetryDelayMs(int retry) => (long)Math.Min(RetryInitialDelayMs * Math.Pow(RetryBackoff, retry - 1), RetryMaxDelayMs);

    public static FunctionSettings From(FunctionSpec spec)
    {
        var defaults = new FunctionSettings();
        var clusterSize = spec.ClusterSize > 1 ? spec.ClusterSize : 0;
        var max = Or(spec.MaxContainers, clusterSize > 0 ? Math.Max(1, defaults.MaxContainers / clusterSize) * clusterSize : defaults.MaxContainers);
        return new FunctionSettings
        {
            Concurrency = spec.SingleUseContainers ? 1 : Or(spec.MaxConcurrentInputs, defaults.Concurrency),
            TargetConcurrency = spec.TargetConcurrentInputs,
            IsSingleUse = spec.SingleUseContainers,
            BatchSize = spec.BatchMaxSize,
            BatchWaitMs = spec.BatchWaitMs,
            Retries = Math.Max(0, spec.Retries),
            RetryBackoff = spec.RetryBackoff >= 1 ? spec.RetryBackoff : defaults.RetryBackoff,
            RetryInitialDelayMs = spec.RetryInitialDelayMs > 0 ? spec.RetryInitialDelayMs : defaults.RetryInitialDelayMs,
            RetryMaxDelayMs = spec.RetryMaxDelayMs > 0 ? spec.RetryMaxDelayMs : defaults.RetryMaxDelayMs,
            BufferContainers = Math.Max(0, spec.BufferContainers),
            MinContainers = Math.Clamp(spec.MinContainers, 0, max),
            MaxContainers = max,
            ScaledownWindowMs = spec.ScaledownWindowMs > 0 ? spec.ScaledownWindowMs : defaults.ScaledownWindowMs,
            CpuCores = spec.Resources is { CpuCores: > 0 } r ? r.CpuCores : defaults.CpuCores,
            MemoryMiB = spec.Resources is { MemoryMib: > 0 } m ? m.MemoryMib : defaults.MemoryMiB,
            Gpu = spec.Resources?.Gpu ?? "",
            ClusterSize = clusterSize,
        };
    }

    /// <summary>These settings with what is set in <paramref name="change"/> in place of it.</summary>
    public FunctionSettings With(ScalingSettings change) => this with
    {
        MinContainers = change.HasMinContainers ? change.MinContainers : MinContainers,
        MaxContainers = change.HasMaxContainers ? change.MaxContainers : MaxContainers,
        BufferContainers = change.HasBufferContainers ? change.BufferContainers : BufferContainers,
        ScaledownWindowMs = change.HasScaledownWindowMs ? change.ScaledownWindowMs : ScaledownWindowMs,
    };

    /// <summary>These settings with clusters counted in place of containers.</summary>
    public FunctionSettings InClusters() => !IsClustered ? this : this with
    {
        MinContainers = MinContainers / ClusterSize,
        MaxContainers = Math.Max(1, MaxContainers / ClusterSize),
        BufferContainers = BufferContainers / ClusterSize,
    };

    /// <summary>Why these settings cannot be; null if they can.</summary>
    public string? Fault()
    {
        if (MinContainers > MaxContainers)
        {
            return $"MinContainers would be {MinContainers} and MaxContainers {MaxContainers}: MinContainers must be at most MaxContainers. Change both at once.";
        }

        return MinContainers % ContainersPerUnit != 0 || MaxContainers % ContainersPerUnit != 0 || BufferContainers % ContainersPerUnit != 0
            ? $"MinContainers would be {MinContainers}, MaxContainers {MaxContainers} and BufferContainers {BufferContainers}: each must be a multiple of {ClusterSize}, the size of the function's clusters."
            : null;
    }

    public ScalingSettings ToScaling() =>
        new() { MinContainers = MinContainers, MaxContainers = MaxContainers, BufferContainers = BufferContainers, ScaledownWindowMs = ScaledownWindowMs };

    private static int Or(int value, int fallback) => value > 0 ? value : fallback;
}
