namespace Modal;

/// <summary>
/// Marks a class whose <c>[Function]</c> methods run in containers that hold one instance each. The class must be <c>partial</c>; the generator adds a nested
/// class <c>Remote</c> whose <c>Create</c> takes the constructor's parameters.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ServiceAttribute : Attribute
{
    /// <summary>Cores requested, such as 0.5. 0, the default, means 0.125.</summary>
    public double Cpu { get; set; }

    /// <summary>Memory in MiB, requested and hard limit. 0, the default, means 1024.</summary>
    public int MemoryMiB { get; set; }

    /// <summary>GPU and count, such as <c>H100</c> or <c>A100:2</c>. Null, the default, means none.</summary>
    public string? Gpu { get; set; }

    /// <summary>Name of a static property, field or parameterless method of the declaring class that gives the <see cref="Modal.Image"/>. Null, the default, means the standard base.</summary>
    public string? Image { get; set; }

    /// <summary>Seconds one attempt may take, 1 to 86,400. 0, the default, means 300.</summary>
    public int TimeoutSeconds { get; set; }

    /// <summary>Seconds a container may take to become ready, <c>[Enter]</c> included. 0, the default, means the same as <see cref="TimeoutSeconds"/>.</summary>
    public int StartupTimeoutSeconds { get; set; }

    /// <summary>Further attempts after a failed one, 0 to 10. 0, the default, means none.</summary>
    public int Retries { get; set; }

    /// <summary>Inputs that run at once in one container, 1 to 1,000. 0, the default, means 1.</summary>
    public int MaxConcurrentInputs { get; set; }

    /// <summary>Containers kept while idle. 0, the default, means scale to zero.</summary>
    public int MinContainers { get; set; }

    /// <summary>Upper bound of containers. 0, the default, means the server's default, 10.</summary>
    public int MaxContainers { get; set; }

    /// <summary>Seconds a container may be idle before it is stopped, 2 to 1,200. 0, the default, means 60.</summary>
    public int ScaledownWindowSeconds { get; set; }

    /// <summary>The container has no network but its own loopback. False, the default, leaves the choice to the worker.</summary>
    public bool BlockNetwork { get; set; }
}
