using System.Globalization;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Cgroups;

/// <summary>The control group of one container: one folder in version 2, one per controller in version 1.</summary>
internal sealed class Cgroup
{
    // The kernel's own default. What is left of a period's quota is lost, so a shorter one would cost more, and a longer one lets code stand still for longer.
    private const long PeriodUs = 100_000;

    private readonly bool _unified;
    private readonly Dictionary<string, string> _folders;

    /// <param name="unified">Version 2.</param>
    /// <param name="folders">Folder by controller ("memory", "cpu", "pids"); the same folder for each in version 2.</param>
    public Cgroup(bool unified, IReadOnlyDictionary<string, string> folders)
    {
        _unified = unified;
        _folders = new Dictionary<string, string>(folders, StringComparer.Ordinal);
    }

    /// <summary>Files that a process writes its id to in order to join.</summary>
    public IReadOnlyList<string> JoinFiles => [.. _folders.Values.Distinct(StringComparer.Ordinal).Select(folder => Path.Combine(folder, "cgroup.procs"))];

    /// <summary>How often the kernel has killed something in it for want of memory.</summary>
    public long OutOfMemoryKills => _unified ? ReadKey("memory", "memory.events", "oom_kill") : ReadKey("memory", "memory.oom_control", "oom_kill");

    /// <summary>Memory that cannot be dropped: what programs allocated, without the files that the kernel merely keeps at hand.</summary>
    public long UsedBytes => _unified
        ? ReadKey("memory", "memory.stat", "anon") + ReadKey("memory", "memory.stat", "shmem")
        : ReadKey("memory", "memory.stat", "total_rss") + ReadKey("memory", "memory.stat", "total_shmem");

    /// <summary>Makes the group and sets its limits.</summary>
    public void Create(CgroupLimits limits)
    {
        foreach (var folder in _folders.Values)
        {
            Directory.CreateDirectory(folder);
        }

        if (_unified)
        {
            Write("memory", "memory.max", limits.MemoryBytes);
            TryWrite("memory", "memory.swap.max", 0);
            Write("cpu", "cpu.weight", Weight(limits.CpuCores));
            Write("pids", "pids.max", limits.Processes);
        }
        else
        {
            Write("memory", "memory.limit_in_bytes", limits.MemoryBytes);

            // Absent where swap accounting is off; then there is nothing to limit.
            TryWrite("memory", "memory.memsw.limit_in_bytes", limits.MemoryBytes);
            Write("cpu", "cpu.shares", Shares(limits.CpuCores));
            Write("pids", "pids.max", limits.Processes);
        }
    }

    /// <summary>Changes the share of processor time.</summary>
    public void SetCpu(double cores)
    {
        if (_unified)
        {
            Write("cpu", "cpu.weight", Weight(cores));
        }
        else
        {
            Write("cpu", "cpu.shares", Shares(cores));
        }
    }

    /// <summary>Sets how much processor time it may use in all, also when there is more.</summary>
    /// <param name="cores">Cores; zero or less takes the limit away.</param>
    /// <returns>False if the kernel has no such limit, or the group is gone.</returns>
    public bool LimitCpu(double cores)
    {
        // A hundredth of a core, 1 ms of a period, is the least that the kernel takes.
        var quota = cores > 0 ? Math.Max(1000, (long)(cores * PeriodUs)) : -1;
        try
        {
            if (_unified)
            {
                return Write("cpu", "cpu.max", quota < 0 ? $"max {PeriodUs}" : $"{quota} {PeriodUs}");
            }

            return Write("cpu", "cpu.cfs_period_us", $"{PeriodUs}") && Write("cpu", "cpu.cfs_quota_us", $"{quota}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ids of the processes in it.</summary>
    public IReadOnlyCollection<int> Processes()
    {
        var pids = new HashSet<int>();
        foreach (var file in JoinFiles.Where(File.Exists))
        {
            foreach (var line in File.ReadLines(file))
            {
                if (int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                {
                    pids.Add(pid);
                }
            }
        }

        return pids;
    }

    /// <summary>Kills every process in it, also those that are being made.</summary>
    /// <returns>The processes that were killed.</returns>
    public IReadOnlyCollection<int> Kill()
    {
        var killed = new HashSet<int>();

        // A process that forks between the reading and the kill leaves a child: read again until none is left. Bounded, because a process in the kernel may take its time to die.
        for (var round = 0; round < 20; round++)
        {
            var pids = Processes();
            if (pids.All(killed.Contains))
            {
                break;
            }

            foreach (var pid in pids)
            {
                Wait.Kill(pid, Wait.SIGKILL);
                killed.Add(pid);
            }
        }

        return killed;
    }

    /// <summary>Removes it.</summary>
    /// <returns>False while processes are still in it.</returns>
    public bool TryDelete()
    {
        var all = true;
        foreach (var folder in _folders.Values.Distinct(StringComparer.Ordinal).Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(folder);
            }
            catch (IOException)
            {
                all = false;
            }
        }

        return all;
    }

    private static long Weight(double cores) => Math.Clamp((long)(cores * 100), 1, 10_000);

    private static long Shares(double cores) => Math.Clamp((long)(cores * 1024), 2, 262_144);

    private long ReadKey(string controller, string file, string key)
    {
        if (!_folders.TryGetValue(controller, out var folder))
        {
            return 0;
        }

        try
        {
            foreach (var line in File.ReadLines(Path.Combine(folder, file)))
            {
                if (line.StartsWith(key, StringComparison.Ordinal) && line.Length > key.Length && line[key.Length] == ' ')
                {
                    return long.Parse(line.AsSpan(key.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture);
                }
            }
        }
        catch (IOException)
        {
            // The group is being removed, or has no such file on this kernel.
        }

        return 0;
    }

    private void Write(string controller, string file, long value) => Write(controller, file, value.ToString(CultureInfo.InvariantCulture));

    private bool Write(string controller, string file, string value)
    {
        if (!_folders.TryGetValue(controller, out var folder))
        {
            return false;
        }

        File.WriteAllText(Path.Combine(folder, file), value);
        return true;
    }

    private void TryWrite(string controller, string file, long value)
    {
        if (_folders.TryGetValue(controller, out var folder) && File.Exists(Path.Combine(folder, file)))
        {
            Write(controller, file, value);
        }
    }
}
