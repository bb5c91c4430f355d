namespace Modal.Runtime;

/// <summary>Options of a function as written in its attribute. Null and zero mean "not written": the server's default applies.</summary>
public sealed record FunctionOptions
{
    /// <summary>Nothing written.</summary>
    public static FunctionOptions Default { get; } = new();

    /// <summary>Cores requested; 0 means the default, 0.125.</summary>
    public double Cpu { get; init; }

    /// <summary>Memory in MiB, requested and hard limit; 0 means the default, 1024.</summary>
    public int MemoryMiB { get; init; }

    /// <summary>GPU request such as <c>H100</c> or <c>A100:2</c>; null means none.</summary>
    public string? Gpu { get; init; }

    /// <summary>Seconds one attempt may take, 1 to 86,400; 0 means the default, 300.</summary>
    public int TimeoutSeconds { get; init; }

    /// <summary>Seconds a container may take to become ready; 0 means the same as <see cref="TimeoutSeconds"/>.</summary>
    public int StartupTimeoutSeconds { get; init; }

    /// <summary>Further attempts after a failed one, 0 to 10; 0, the default, means none.</summary>
    public int Retries { get; init; }

    /// <summary>Inputs that run at once in one container, 1 to 1,000; 0 means the default, 1.</summary>
    public int MaxConcurrentInputs { get; init; }

    /// <summary>Containers kept while idle; 0, the default, means scale to zero.</summary>
    public int MinContainers { get; init; }

    /// <summary>Upper bound of containers; 0 means the server's default, 10.</summary>
    public int MaxContainers { get; init; }

    /// <summary>Seconds a container may be idle before it is stopped, 2 to 1,200; 0 means the default, 60.</summary>
    public int ScaledownWindowSeconds { get; init; }

    /// <summary>The container has no network but its own loopback.</summary>
    public bool BlockNetwork { get; init; }
}
