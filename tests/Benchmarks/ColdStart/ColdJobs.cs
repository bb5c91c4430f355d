namespace Modal.Benchmarks.ColdStart;

/// <summary>Functions that are gone two seconds after they were called.</summary>
public static partial class ColdJobs
{
    [Function(MaxContainers = 1)]
    public static int Nothing() => 1;

    [Function(ScaledownWindowSeconds = 2, MaxContainers = 1)]
    public static int Square(int x) => x * x;

    /// <summary>As those of which there are many at once.</summary>
    [Function(ScaledownWindowSeconds = 2, MaxContainers = 1, MemoryMiB = 128, Cpu = 0.01)]
    public static int Small() => 1;

    /// <summary>Many at once, each small.</summary>
    [Function(ScaledownWindowSeconds = 2, MaxContainers = 100, MemoryMiB = 128, Cpu = 0.01)]
    public static async Task<long> HoldAsync(int milliseconds)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await Task.Delay(milliseconds);
        return now;
    }
}

/// <summary>A service with a snapshot.</summary>
[Service(ScaledownWindowSeconds = 2, MaxContainers = 1)]
public sealed partial class ColdService
{
    private int _loaded;

    [Enter(Snapshot = true)]
    public void Load() => _loaded = 42;

    [Function]
    public int Square(int x) => _loaded == 42 ? x * x : -1;
}
