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

    /// <summary>Processor time that a container's processes have had, its sandbox's included.</summary>
    public static TimeSpan ProcessorTime(string containerId)
    {
        // man 5 proc: the 12th and 13th field behind the name, in hundredths of a second.
        var ticks = ProcessesOf(containerId).Select(pid => File.ReadAllText($"/proc/{pid}/stat")).Select(text => text[(text.LastIndexOf(')') + 2)..].Split(' '))
            .Sum(fields => long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture));
        return TimeSpan.FromMilliseconds(ticks * 10);
    }

    /// <summary>Files that are the disks of loop devices.</summary>
    private static string[] LoopFiles() =>
        [.. Directory.EnumerateDirectories("/sys/block", "loop*").Select(d => Path.Combine(d, "loop", "backing_file")).Where(File.Exists).Select(f => File.ReadAllText(f).Trim())];

    /// <summary>Waits until no loop device has a file of a folder: the kernel lets go of a mount when the last namespace that it was in has ended, some time after the last process.</summary>
    public static async Task WaitForLoopsAsync(string folder)
    {
        for (var left = 100; LoopFiles().Where(f => f.StartsWith(folder, StringComparison.Ordinal)).ToArray() is { Length: > 0 } held; left--)
        {
            if (left == 0)
            {
                throw new TimeoutException($"Waited 10 s for the end of the loop devices of {string.Join(", ", held)}.");
            }

            await Task.Delay(100);
        }
    }

    public static void Kill(int pid) => Wait.Kill(pid, Wait.SIGKILL);
}
