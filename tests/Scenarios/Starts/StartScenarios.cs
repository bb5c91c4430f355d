using Modal.Protocol;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Starts;

/// <summary>How containers start, through a real daemon.</summary>
public sealed class StartScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Call_ServiceThatLoadsHalfAGigabyte_IsRestoredTenTimesFromOneSnapshot()
    {
        daemon.RequireGVisor();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        Assert.SkipUnless((await server.StatusAsync()).Workers.Sum(w => w.MemoryMib) > 12 * 1024, "Ten containers of 1 GiB need a machine of 16 GiB.");
        await using var service = Frozen.Remote.Create();

        var loaded = (await service.DescribeAsync.CallAsync(2000, Limit)).Split(' ');
        await Until.SeenAsync("the snapshot", TimeSpan.FromSeconds(60), () => Task.FromResult(Directory.Exists(Path.Combine(DaemonFixture.StateDirectory, "snapshots"))
            && Directory.EnumerateFiles(Path.Combine(DaemonFixture.StateDirectory, "snapshots"), "hashes.json", SearchOption.AllDirectories).Any()), found => found);
        await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(60), () => ContainersAsync(server), found => found.Count == 0);
        var again = (await service.DescribeAsync.CallAsync(2000, Limit)).Split(' ');
        var ten = new List<string[]>();
        var seen = new List<ContainerStatus>();
        await foreach (var said in service.DescribeAsync.MapUnordered(Enumerable.Repeat(15_000, 10), Limit))
        {
            ten.Add(said.Split(' '));
            seen.AddRange(await ContainersAsync(server));
        }

        foreach (var container in seen.Where(c => c.State == "ready").DistinctBy(c => c.ContainerId))
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{container.ContainerId}: {string.Join(", ", container.Phases.Select(p => $"{p.Name} {p.DurationUs / 1000.0:0.0} ms"))}");
        }

        // The same bytes, loaded once, in the container that the snapshot is of.
        Assert.Equal("500", loaded[0]);
        Assert.Equal(loaded[2], loaded[3]);
        Assert.All(ten.Append(again), said => Assert.Equal(loaded[..3], said[..3]));
        Assert.Equal(10, ten.Select(said => said[3]).Distinct().Count());
        Assert.DoesNotContain(ten.Append(again), said => said[3] == loaded[3]);
        Assert.All(seen.Where(c => c.State == "ready"), c => Assert.Equal((ContainerStart.Snapshot, ""), (c.Start, c.FallbackReason)));
        Assert.Contains(seen, c => c.Start == ContainerStart.Snapshot);
    }

    private static async Task<IReadOnlyList<ContainerStatus>> ContainersAsync(ServerClient server) =>
        [.. (await server.StatusAsync()).Apps.SelectMany(a => a.Functions).Where(f => f.Name.EndsWith("Frozen", StringComparison.Ordinal)).SelectMany(f => f.Containers)];
}
