using System.Diagnostics;
using Modal.Protocol;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Clusters;

/// <summary>Functions whose containers take each input together.</summary>
public sealed class ClusterScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Call_Cluster_RunsInAllContainersAndGivesTheResultOfRankZero()
    {
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "cluster", "1", "0");

        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(100)));

        var lines = client.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var id = lines[^1].Split(' ')[^1];
        Assert.StartsWith(Id.Cluster, id, StringComparison.Ordinal);
        Assert.Equal($"0 2 {id}", lines[^1]);
        Assert.Equal([$"rank 0 of {id}", $"rank 1 of {id}"], lines[..^1].Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_OneRankThrows_OthersAreCancelledAndTheNextInputWorks()
    {
        var begun = Stopwatch.GetTimestamp();

        var error = await Assert.ThrowsAsync<RemoteException>(() => Ranks.Remote.Fail.CallAsync(1, 60_000, Limit));

        Assert.Equal("rank 1 cannot", error.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(50));
        Assert.Equal(0, await Ranks.Remote.Fail.CallAsync(2, 0, Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Kill_OneContainerOfTheCluster_ANewClusterGivesTheResult()
    {
        daemon.RequireGVisor();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        await Until.SeenAsync("no cluster", TimeSpan.FromSeconds(60), () => ContainersAsync(server), found => found.Count == 0);
        var call = Ranks.Remote.Where.CallAsync(4_000, Limit);
        var first = await Until.SeenAsync("two ready containers", TimeSpan.FromSeconds(60), () => ContainersAsync(server), found => found.Count == 2 && found.All(c => c.State == "ready"));

        Signal.Send(Sandboxes.OfContainer(DaemonFixture.StateDirectory, first[1].ContainerId), Signal.Kill);

        var said = (await call).Split(' ');
        var second = await ContainersAsync(server);
        Assert.Equal(["0", "2"], said[..2]);
        Assert.Equal(2, second.Count);
        Assert.Empty(second.Select(c => c.ContainerId).Intersect(first.Select(c => c.ContainerId)));
    }

    // Of this process's app: a client that has just ended may have its own for a moment.
    private async Task<IReadOnlyList<ContainerStatus>> ContainersAsync(ServerClient server) =>
        [.. (await server.StatusAsync()).Apps.Where(a => a.AppId == daemon.App.Id).SelectMany(a => a.Functions).Where(f => f.Name.EndsWith("Ranks.Where", StringComparison.Ordinal)).SelectMany(f => f.Containers)];
}
