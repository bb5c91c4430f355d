using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>What the server needs to know of a <see cref="FunctionSpec"/>, with its defaults filled in.</summary>
internal sealed record FunctionSettings
{
    public int Concurrency { get; init; } = 1;

    public int Retries { get; init; }

    public int MinContainers { get; init; }

    public int MaxContainers { get; init; } = 10;

    public long ScaledownWindowMs { get; init; } = 60_000;

    public double CpuCores { get; init; } = 0.125;

    public long MemoryMiB { get; init; } = 1024;

    public string Gpu { get; init; } = "";

    public static FunctionSettings From(FunctionSpec spec)
    {
        var defaults = new FunctionSettings();
        var max = Or(spec.MaxContainers, defaults.MaxContainers);
        return new FunctionSettings
        {
            Concurrency = Or(spec.MaxConcurrentInputs, defaults.Concurrency),
            Retries = Math.Max(0, spec.Retries),
            MinContainers = Math.Clamp(spec.MinContainers, 0, max),
            MaxContainers = max,
            ScaledownWindowMs = spec.ScaledownWindowMs > 0 ? spec.ScaledownWindowMs : defaults.ScaledownWindowMs,
            CpuCores = spec.Resources is { CpuCores: > 0 } r ? r.CpuCores : defaults.CpuCores,
            MemoryMiB = spec.Resources is { MemoryMib: > 0 } m ? m.MemoryMib : defaults.MemoryMiB,
            Gpu = spec.Resources?.Gpu ?? "",
        };
    }

    private static int Or(int value, int fallback) => value > 0 ? value : fallback;
}
