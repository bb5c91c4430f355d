using System.Globalization;

namespace Modal.Backend.Worker.Runners;

/// <summary>The memory of this machine.</summary>
internal static class MachineMemory
{
    /// <summary>What can be had without swapping. man 5 proc: MemAvailable, in KiB.</summary>
    public static long AvailableBytes() => File.ReadLines("/proc/meminfo").Where(static line => line.StartsWith("MemAvailable:", StringComparison.Ordinal))
        .Select(static line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024).FirstOrDefault(long.MaxValue);
}
