namespace Modal.Runtime;

/// <summary>What code in a container is told of where it runs. The runner sets it, before user code is loaded and again when a process goes on as a copy from a snapshot.</summary>
public sealed class ContainerContext
{
    private static volatile ContainerContext? s_current;

    /// <summary>Of this process; null outside of containers. Another object after a restore from a snapshot. Safe for many threads.</summary>
    public static ContainerContext? Current
    {
        get => s_current;
        set => s_current = value;
    }

    /// <summary>The container, <c>ta-…</c>.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The app that it belongs to, <c>ap-…</c>.</summary>
    public required string AppId { get; init; }

    /// <summary>The function or service that it serves.</summary>
    public required string FunctionName { get; init; }

    /// <summary>Whether the code uses the ASP.NET Core shared framework.</summary>
    public bool NeedsAspNetCore { get; init; }

    /// <summary>Opens a connection to the server; it throws an <see cref="IOException"/> if that is not possible now. Null: this function may not speak to the server.</summary>
    public Func<CancellationToken, ValueTask<Stream>>? Connect { get; init; }
}
