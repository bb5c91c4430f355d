using System.Globalization;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>What is really there.</summary>
internal static class Machine
{
    /// <summary>Processes, dead ones not yet reaped included, that belong to a container's control group.</summary>
    public static IReadOnlyList<int> ProcessesOf(string containerId)
    {
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                    && File.ReadAllText(Path.Combine(folder, "cgroup")).Contains(containerId, StringComparison.Ordinal))
                {
                    found.Add(pid);
                }
            }
            catch (IOException)
            {
                // It ended while we looked.
            }
        }

        return found;
    }

    /// <summary>Waits until the kernel has ended all of them and the worker has reaped them; killing is not instant, and not polled for elsewhere.</summary>
    public static async Task WaitForEndAsync(string containerId)
    {
        for (var left = 100; ProcessesOf(containerId) is { Count: > 0 } alive; left--)
        {
            if (left == 0)
            {
                throw new TimeoutException($"Waited 10 s for the end of processes {string.Join(", ", alive)}.");
            }

            await Task.Delay(100);
        }
    }

    public static void Kill(int pid) => Wait.Kill(pid, Wait.SIGKILL);
}
