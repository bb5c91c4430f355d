using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Cgroups;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>What every sandbox that is a process of this machine shares: the event loop, control groups, the way to start a program in them.</summary>
internal sealed class SandboxHost : IDisposable
{
    // A container's threads are threads of the sandbox; crossing this would crash it, so the limit inside (RLIMIT_NPROC) is far below.
    private const int MaxHostThreads = 8192;

    // Joins the groups, makes itself the first to die when the machine runs out of memory, and becomes the program: all its children are in the groups from their first moment.
    private const string JoinScript = """
        while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done
        shift
        echo 1000 2>/dev/null > /proc/self/oom_score_adj
        exec "$@"
        """;

    private readonly ILogger _logger;
    private readonly List<Task> _removals = [];

    public SandboxHost(IOptions<WorkerOptions> options, EventLoop loop, MemoryWatch memory, ILogger<SandboxHost> logger)
    {
        (Options, Loop, Memory, _logger) = (options.Value, loop, memory, logger);
        Directory.CreateDirectory(ContainersDirectory);
        if (Unistd.IsRoot)
        {
            Cgroups = CgroupTree.Find(Options.StateDirectory, out var missing);
            LimitsMissing = missing;
        }
        else
        {
            LimitsMissing = "The worker does not run as root, so memory limits of containers are not enforced.";
        }

        if (LimitsMissing is not null)
        {
            Log.LimitsMissing(logger, LimitsMissing);
        }

        Wait.BecomeSubreaper();
    }

    public WorkerOptions Options { get; }

    public EventLoop Loop { get; }

    public MemoryWatch Memory { get; }

    /// <summary>Null where groups cannot be made.</summary>
    public CgroupTree? Cgroups { get; }

    /// <summary>Which limits are not enforced, and why; null if all are.</summary>
    public string? LimitsMissing { get; }

    /// <summary>One folder per container.</summary>
    public string ContainersDirectory => Path.Combine(Options.StateDirectory, "containers");

    /// <summary>A container's folder.</summary>
    public string FolderOf(string id) => Path.Combine(ContainersDirectory, id);

    /// <summary>Makes the control group of a container; null where there are none.</summary>
    public Cgroup? CreateCgroup(string id, long memoryBytes, double cpuCores)
    {
        var cgroup = Cgroups?.Get(id);
        cgroup?.Create(new CgroupLimits(memoryBytes, cpuCores, MaxHostThreads));
        return cgroup;
    }

    /// <summary>The command that joins a group and becomes another command.</summary>
    public static IReadOnlyList<string> Inside(Cgroup? cgroup, IEnumerable<string> command) =>
        ["/bin/sh", "-c", JoinScript, "sh", .. cgroup?.JoinFiles ?? [], "--", .. command];

    /// <summary>Removes a container's folder and group, and what died with it.</summary>
    public void CleanUp(string id, Cgroup? cgroup)
    {
        Remove(FolderOf(id));
        Orphans.Reap();

        // Killed helpers of the sandbox take a moment to die: their group and they themselves can only be removed then.
        Hold(RemoveGroupAsync(cgroup, id));
    }

    /// <summary>Kills and removes every group and folder of earlier runs.</summary>
    /// <returns>How many there were.</returns>
    public int RemoveLeftovers()
    {
        var count = 0;
        foreach (var id in Cgroups?.Existing() ?? [])
        {
            var cgroup = Cgroups!.Get(id);
            cgroup.Kill();
            Hold(RemoveGroupAsync(cgroup, id));
            count++;
        }

        foreach (var folder in Directory.EnumerateDirectories(ContainersDirectory))
        {
            Remove(folder);
        }

        return count;
    }

    /// <summary>Deletes a container's folder and takes its disk away; a failure is logged, since the container it belonged to is gone all the same.</summary>
    public void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                SandboxDisk.Remove(folder);
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            Log.RemovalFailed(_logger, folder, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Memory.Dispose();
        Loop.Dispose();
        Task[] removals;
        lock (_removals)
        {
            removals = [.. _removals];
        }

        // Bounded: what the kernel does not let go of now is found at the next start.
        Task.WaitAll(removals, TimeSpan.FromSeconds(1));
        Cgroups?.TryRemove();
    }

    private void Hold(Task removal)
    {
        lock (_removals)
        {
            _removals.RemoveAll(static task => task.IsCompleted);
            _removals.Add(removal);
        }
    }

    private async Task RemoveGroupAsync(Cgroup? cgroup, string id)
    {
        for (var i = 0; i < 50; i++)
        {
            var removed = cgroup?.TryDelete() ?? true;
            await Task.Delay(100);
            Orphans.Reap();
            if (removed)
            {
                return;
            }

            cgroup?.Kill();
        }

        Log.RemovalFailed(_logger, id, "its control group still has processes");
    }
}
