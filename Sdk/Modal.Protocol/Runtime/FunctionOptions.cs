namespace Modal.Runtime;

/// <summary>Options of a function as written in its attribute. Null and zero mean "not written": the server's default applies.</summary>
public sealed record FunctionOptions
{
    /// <summary>Nothing written.</summary>
    public static FunctionOptions Default { get; } = new();

    /// <summary>Cores requested; 0 means the default, 0.125.</summary>
    public double Cpu { get; init; }

    /// <summary>Most cores that may be used; 0, the default, means no limit.</summary>
    public double CpuLimit { get; init; }

    /// <summary>Memory in MiB requested; 0 means the default, 1024.</summary>
    public int MemoryMiB { get; init; }

    /// <summary>Hard limit of memory in MiB; 0 means the same as <see cref="MemoryMiB"/>.</summary>
    public int MemoryLimitMiB { get; init; }

    /// <summary>Hard limit of the container's own disk in MiB; 0 means the default, half of the memory limit, kept in memory.</summary>
    public int EphemeralDiskMiB { get; init; }

    /// <summary>GPU request such as <c>H100</c>, <c>A100:2</c> or <c>H100, any</c>; null means none.</summary>
    public string? Gpu { get; init; }

    /// <summary>Seconds one attempt may take, 1 to 86,400; 0 means the default, 300.</summary>
    public int TimeoutSeconds { get; init; }

    /// <summary>Seconds a container may take to become ready; 0 means the same as <see cref="TimeoutSeconds"/>.</summary>
    public int StartupTimeoutSeconds { get; init; }

    /// <summary>Further attempts after a failed one, 0 to 10; 0, the default, means none.</summary>
    public int Retries { get; init; }

    /// <summary>Factor between the delays of two retries, 1 to 10; 0 means 1, a fixed delay.</summary>
    public double RetryBackoff { get; init; }

    /// <summary>Seconds before the first retry, up to 60; 0 means the default, 1.</summary>
    public double RetryInitialDelaySeconds { get; init; }

    /// <summary>Longest delay in seconds before a retry, 1 to 60; 0 means the default, 60.</summary>
    public double RetryMaxDelaySeconds { get; init; }

    /// <summary>Inputs that run at once in one container, 1 to 1,000; 0 means the default, 1.</summary>
    public int MaxConcurrentInputs { get; init; }

    /// <summary>Inputs per container that scaling aims at; 0 means the same as <see cref="MaxConcurrentInputs"/>.</summary>
    public int TargetConcurrentInputs { get; init; }

    /// <summary>Containers kept while idle; 0, the default, means scale to zero.</summary>
    public int MinContainers { get; init; }

    /// <summary>Upper bound of containers; 0 means the server's default, 10.</summary>
    public int MaxContainers { get; init; }

    /// <summary>Idle containers kept beside the busy ones while the function is in use; 0, the default, means none.</summary>
    public int BufferContainers { get; init; }

    /// <summary>Seconds a container may be idle before it is stopped, 2 to 1,200; 0 means the default, 60.</summary>
    public int ScaledownWindowSeconds { get; init; }

    /// <summary>Each container is stopped after one input.</summary>
    public bool SingleUseContainers { get; init; }

    /// <summary>Containers start from a snapshot of memory.</summary>
    public bool MemorySnapshot { get; init; }

    /// <summary>Regions with commas; null means anywhere.</summary>
    public string? Region { get; init; }

    /// <summary>Pool of workers; null means the default pool.</summary>
    public string? Pool { get; init; }

    /// <summary>Order in which containers are placed, -10 to 10, the higher first; the default is 0.</summary>
    public int Priority { get; init; }

    /// <summary>Containers are never stopped in favour of another function's.</summary>
    public bool Nonpreemptible { get; init; }

    /// <summary>Containers go to different workers where there are some.</summary>
    public bool Spread { get; init; }

    /// <summary>The container has no network but its own loopback.</summary>
    public bool BlockNetwork { get; init; }

    /// <summary>Code in the containers may not call remote functions.</summary>
    public bool RestrictModalAccess { get; init; }
}
