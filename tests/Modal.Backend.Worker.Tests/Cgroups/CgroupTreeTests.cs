using Modal.Backend.Worker.Cgroups;
using Xunit;

namespace Modal.Backend.Worker.Tests.Cgroups;

public sealed class CgroupTreeTests : IDisposable
{
    private static readonly string[] s_version1 = ["memory", "cpu,cpuacct", "pids"];

    private readonly string _folder = Directory.CreateTempSubdirectory("modal-cgroup-test-").FullName;

    [Fact]
    public void Find_Version1_MakesOneGroupPerController()
    {
        string[] mounts = [.. s_version1.Select(c => $"30 20 0:{c.Length} / {Mount(c)} rw - cgroup cgroup rw,{c}")];

        var group = CgroupTree.Find(mounts, "/state", out var missing)!.Get("ta-1");
        group.Create(new CgroupLimits(1024 * 1024, 0.5, 100));

        Assert.Null(missing);
        Assert.Equal(3, group.JoinFiles.Count);
        Assert.Equal("1048576", Read("memory", "memory.limit_in_bytes"));
        Assert.Equal("512", Read("cpu,cpuacct", "cpu.shares"));
        Assert.Equal("100", Read("pids", "pids.max"));
    }

    [Fact]
    public void Find_Version2_EnablesControllersAndUsesOneGroup()
    {
        var root = Mount("unified");
        File.WriteAllText(Path.Combine(root, "cgroup.controllers"), "cpuset cpu io memory pids\n");

        var group = CgroupTree.Find([$"30 20 0:5 / {root} rw - cgroup2 cgroup2 rw"], "/state", out var missing)!.Get("ta-1");
        group.Create(new CgroupLimits(1024 * 1024, 2, 100));

        Assert.Null(missing);
        Assert.Single(group.JoinFiles);
        Assert.Equal("+memory +cpu +pids", string.Join(' ', File.ReadAllText(Path.Combine(root, "cgroup.subtree_control")).Split(' ').OrderBy(c => "mcp".IndexOf(c[1], StringComparison.Ordinal))));
        Assert.Equal("1048576", Read("unified", "memory.max"));
        Assert.Equal("200", Read("unified", "cpu.weight"));
    }

    [Theory]
    [InlineData(0.5, "50000")]
    [InlineData(2, "200000")]
    [InlineData(0.001, "1000")]
    [InlineData(0, "-1")]
    public void LimitCpu_Version1_IsAQuotaOfEachPeriod(double cores, string quota)
    {
        string[] mounts = [.. s_version1.Select(c => $"30 20 0:{c.Length} / {Mount(c)} rw - cgroup cgroup rw,{c}")];
        var group = CgroupTree.Find(mounts, "/state", out _)!.Get("ta-1");
        group.Create(new CgroupLimits(1024 * 1024, 0.5, 100));
        Assert.Empty(Directory.EnumerateFiles(_folder, "cpu.cfs_quota_us", SearchOption.AllDirectories));

        Assert.True(group.LimitCpu(cores));

        Assert.Equal(("100000", quota), (Read("cpu,cpuacct", "cpu.cfs_period_us"), Read("cpu,cpuacct", "cpu.cfs_quota_us")));
    }

    [Theory]
    [InlineData(0.5, "50000 100000")]
    [InlineData(0, "max 100000")]
    public void LimitCpu_Version2_IsAQuotaOfEachPeriod(double cores, string line)
    {
        var root = Mount("unified");
        File.WriteAllText(Path.Combine(root, "cgroup.controllers"), "cpu memory pids\n");
        var group = CgroupTree.Find([$"30 20 0:5 / {root} rw - cgroup2 cgroup2 rw"], "/state", out _)!.Get("ta-1");
        group.Create(new CgroupLimits(1024 * 1024, 0.5, 100));

        Assert.True(group.LimitCpu(cores));

        Assert.Equal(line, Read("unified", "cpu.max"));
    }

    [Fact]
    public void LimitCpu_GroupThatIsGoneOrHasNoProcessorController_IsFalse()
    {
        Assert.False(new Cgroup(unified: true, new Dictionary<string, string> { ["cpu"] = Path.Combine(_folder, "none") }).LimitCpu(1));
        Assert.False(new Cgroup(unified: true, new Dictionary<string, string> { ["memory"] = Mount("memory") }).LimitCpu(1));
    }

    [Fact]
    public void Find_NoMounts_SaysThatMemoryIsNotLimited()
    {
        Assert.Null(CgroupTree.Find([], "/state", out var missing));
        Assert.Contains("memory limits of containers are not enforced", missing, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRemove_EmptyOrNot_RemovesOnlyTheEmpty()
    {
        string[] mounts = [.. s_version1.Select(c => $"30 20 0:{c.Length} / {Mount(c)} rw - cgroup cgroup rw,{c}")];
        var tree = CgroupTree.Find(mounts, "/state", out _)!;
        var kept = Directory.CreateDirectory(Path.Combine(Directory.GetDirectories(Path.Combine(_folder, "pids")).Single(), "ta-1")).FullName;

        tree.TryRemove();

        Assert.Empty(Directory.GetDirectories(Path.Combine(_folder, "memory")));
        Assert.True(Directory.Exists(kept));
    }

    [Fact]
    public void UsedBytes_CountsWhatCannotBeDropped()
    {
        var root = Mount("memory");
        var group = new Cgroup(unified: false, new Dictionary<string, string> { ["memory"] = root });
        File.WriteAllText(Path.Combine(root, "memory.stat"), "cache 900\nrss 5\ntotal_cache 900\ntotal_rss 40\ntotal_rss_huge 7\ntotal_shmem 2\n");
        File.WriteAllText(Path.Combine(root, "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");

        Assert.Equal((42, 3), (group.UsedBytes, group.OutOfMemoryKills));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Mount(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    private string Read(string mount, string file) =>
        File.ReadAllText(Directory.EnumerateFiles(Path.Combine(_folder, mount), file, SearchOption.AllDirectories).Single());
}
