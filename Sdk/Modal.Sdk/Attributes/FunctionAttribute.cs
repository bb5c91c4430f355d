namespace Modal;

/// <summary>
/// Marks a method that runs in a container of its own. The declaring class must be <c>partial</c>; the generator adds a nested class
/// <c>Remote</c> with a handle for each marked method.
/// </summary>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class FunctionAttribute : Attribute
{
    /// <summary>Cores requested, such as 0.5. 0, the default, means 0.125. Ignored on a service's methods: set it on the service.</summary>
    public double Cpu { get; set; }

    /// <summary>Most cores that may be used, at least <see cref="Cpu"/>. 0, the default, means no limit: what is idle may be used.</summary>
    public double CpuLimit { get; set; }

    /// <summary>Memory in MiB requested, 64 to 16,777,216. 0, the default, means 1024.</summary>
    public int MemoryMiB { get; set; }

    /// <summary>Hard limit of memory in MiB, at least <see cref="MemoryMiB"/>: a container that goes over it is killed. 0, the default, means the same as <see cref="MemoryMiB"/>.</summary>
    public int MemoryLimitMiB { get; set; }

    /// <summary>
    /// Hard limit in MiB of what a container may write to its own root and to <c>/tmp</c>, up to 3,145,728; further writes fail with "no space left". 0, the default, means half of the memory
    /// limit, kept in memory; otherwise it is kept on the worker's disk.
    /// </summary>
    public int EphemeralDiskMiB { get; set; }

    /// <summary>
    /// GPU and count, such as <c>H100</c>, <c>A100-80GB:2</c> or <c>any</c>; several with commas are alternatives, the best first: <c>H100, A100:2, any</c>. Null, the default, means none.
    /// </summary>
    public string? Gpu { get; set; }

    /// <summary>Name of a static property, field or parameterless method of the declaring class that gives the <see cref="Modal.Image"/>. Null, the default, means the standard base.</summary>
    public string? Image { get; set; }

    /// <summary>
    /// Names of static properties, fields or parameterless methods of the declaring class that give a <see cref="Secret"/>: containers get its variables before any user code runs. Of equal variables the last one
    /// counts. Null, the default, means none.
    /// </summary>
#pragma warning disable CA1819 // Attributes take arrays.
    public string[]? Secrets { get; set; }
#pragma warning restore CA1819

    /// <summary>Seconds one attempt may take, 1 to 86,400. 0, the default, means 300.</summary>
    public int TimeoutSeconds { get; set; }

    /// <summary>Seconds a container may take to become ready, <c>[Enter]</c> included. 0, the default, means the same as <see cref="TimeoutSeconds"/>.</summary>
    public int StartupTimeoutSeconds { get; set; }

    /// <summary>Further attempts after a failed one, 0 to 10. 0, the default, means none. Containers that are lost do not count.</summary>
    public int Retries { get; set; }

    /// <summary>Each delay before a retry is the one before times this, 1 to 10. 0, the default, means 1: a fixed delay.</summary>
    public double RetryBackoff { get; set; }

    /// <summary>Seconds before the first retry, up to 60. 0, the default, means 1.</summary>
    public double RetryInitialDelaySeconds { get; set; }

    /// <summary>Longest delay in seconds before a retry, 1 to 60. 0, the default, means 60.</summary>
    public double RetryMaxDelaySeconds { get; set; }

    /// <summary>Inputs that run at once in one container, 1 to 1,000. 0, the default, means 1.</summary>
    public int MaxConcurrentInputs { get; set; }

    /// <summary>Inputs per container that scaling aims at, at most <see cref="MaxConcurrentInputs"/>: the rest is room for bursts. 0, the default, means the same as <see cref="MaxConcurrentInputs"/>.</summary>
    public int TargetConcurrentInputs { get; set; }

    /// <summary>Containers kept while idle. 0, the default, means scale to zero.</summary>
    public int MinContainers { get; set; }

    /// <summary>Upper bound of containers. 0, the default, means the server's default, 10.</summary>
    public int MaxContainers { get; set; }

    /// <summary>Idle containers kept ready beside the busy ones while the function is in use. 0, the default, means none.</summary>
    public int BufferContainers { get; set; }

    /// <summary>Seconds a container may be idle before it is stopped, 2 to 1,200. 0, the default, means 60.</summary>
    public int ScaledownWindowSeconds { get; set; }

    /// <summary>Each container is stopped after one input. False, the default, uses it again.</summary>
    public bool SingleUseContainers { get; set; }

    /// <summary>
    /// Containers start from a snapshot of memory, which is taken after the first start, when the code is loaded. False, the default, starts each anew.
    /// </summary>
    public bool MemorySnapshot { get; set; }

    /// <summary>Regions where containers may run, any of them, with commas: <c>eu-west, eu-north</c>. Null, the default, means anywhere.</summary>
    public string? Region { get; set; }

    /// <summary>Pool of workers that runs it. Null, the default, means the default pool.</summary>
    public string? Pool { get; set; }

    /// <summary>Containers of a higher priority are placed first, and take the place of lower ones when all workers are full, -10 to 10. The default is 0.</summary>
    public int Priority { get; set; }

    /// <summary>Containers are never stopped in favour of another function's. False, the default, allows it.</summary>
    public bool Nonpreemptible { get; set; }

    /// <summary>Containers go to different workers where there are some, which costs less when one is lost. False, the default, fills one worker before the next.</summary>
    public bool Spread { get; set; }

    /// <summary>The container has no network but its own loopback, and its code cannot have images built. False, the default, leaves the choice to the worker.</summary>
    public bool BlockNetwork { get; set; }

    /// <summary>Code in the containers may not call remote functions: such a call throws <see cref="AccessDeniedException"/>. False, the default, allows it.</summary>
    public bool RestrictModalAccess { get; set; }
}
