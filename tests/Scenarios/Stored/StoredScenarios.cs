using Modal.Protocol;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Stored;

/// <summary>Secrets, dicts and queues through a real daemon, which is killed under them.</summary>
public sealed class StoredScenarios(DaemonFixture daemon)
{
    private static readonly string s_socket = Path.Combine(DaemonFixture.StateDirectory, "daemon.sock");

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 180_000)]
    public async Task Secret_InAFunction_IsSeenAlsoAfterARestoreAndNowhereElse()
    {
        daemon.RequireGVisor();
        using var server = new ServerClient(s_socket);
        await Secret.CreateAsync("scenario-api", new Dictionary<string, string> { ["SCENARIO_TOKEN"] = "hunter2-5190" }, overwrite: true, cancellationToken: Limit);

        var first = await Keeping.Remote.ReadSecrets.CallAsync(Limit);
        var restored = await Until.SeenAsync("a start from a snapshot", TimeSpan.FromSeconds(90), async () =>
        {
            await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(60), () => ContainersAsync(server), found => found.Count == 0);
            return (Said: await Keeping.Remote.ReadSecrets.CallAsync(Limit), Containers: await ContainersAsync(server));
        }, seen => seen.Containers.Any(c => c.Start == ContainerStart.Snapshot));

        Assert.Equal(["hunter2-5190", "by-value-7831"], first[1..]);
        Assert.Equal(["hunter2-5190", "by-value-7831"], restored.Said[1..]);
        Assert.NotEqual(first[0], restored.Said[0]);
        await Secret.UpdateAsync("scenario-api", new Dictionary<string, string> { ["SCENARIO_TOKEN"] = "hunter3-5190" }, cancellationToken: Limit);
        await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(60), () => ContainersAsync(server), found => found.Count == 0);
        Assert.Equal(["hunter3-5190", "by-value-7831"], (await Keeping.Remote.ReadSecrets.CallAsync(Limit))[1..]);

        Assert.Equal(["SCENARIO_TOKEN"], (await Secret.ListAsync(cancellationToken: Limit)).Single(s => s.Name == "scenario-api").Keys);
        var status = (await server.StatusAsync()).ToString();
        foreach (var value in (string[])["hunter2-5190", "hunter3-5190", "by-value-7831"])
        {
            Assert.DoesNotContain(value, status, StringComparison.Ordinal);
            Assert.DoesNotContain(Files(), f => File.ReadAllBytes(f).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(value)) >= 0);
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task Secret_MissingOrWithoutAKey_IsAnErrorOfTheCall()
    {
        await Secret.CreateAsync("scenario-api", new Dictionary<string, string> { ["SCENARIO_TOKEN"] = "hunter2-5190" }, overwrite: true, cancellationToken: Limit);

        var missing = await Assert.ThrowsAsync<NotFoundException>(() => Keeping.Remote.ReadMissing.CallAsync(Limit));
        var incomplete = await Assert.ThrowsAsync<InvalidRequestException>(() => Keeping.Remote.ReadIncomplete.CallAsync(Limit));

        Assert.Equal("There is no secret 'scenario-missing' in the environment 'main'. Create it with Secret.CreateAsync.", missing.Message);
        Assert.Equal("The secret 'scenario-api' in the environment 'main' has no 'SCENARIO_OTHER', which the function requires: add what is missing to it.", incomplete.Message);
    }

    [Fact(Timeout = 120_000)]
    public async Task Queue_DaemonKilledWhileItIsUsed_EachItemComesOnceAndInOrder()
    {
        const int Items = 3_000;
        await using var queue = Keeping.Counted();
        await queue.PutManyAsync(Enumerable.Range(0, 50), cancellationToken: Limit);
        var got = new List<int>();
        var reading = Task.Run(async () =>
        {
            while (got.Count < Items)
            {
                got.AddRange(await queue.GetManyAsync(7, cancellationToken: Limit));
            }
        }, Limit);

        for (var next = 50; next < Items; next += 50)
        {
            if (next % 1_000 == 0)
            {
                using var server = new ServerClient(s_socket);
                Signal.Send(await server.DaemonPidAsync(), Signal.Kill);
            }

            await queue.PutManyAsync(Enumerable.Range(next, 50), cancellationToken: Limit);
        }

        await reading;
        Assert.Equal(Enumerable.Range(0, Items), got);
        Assert.Equal(0, await queue.LengthAsync(cancellationToken: Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Dict_DaemonKilledAfterPuts_HasThemAll()
    {
        await using var dict = Keeping.Numbers();
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => dict.PutAsync($"key {i}", i, Limit)));
        using (var server = new ServerClient(s_socket))
        {
            Signal.Send(await server.DaemonPidAsync(), Signal.Kill);
        }

        Assert.Equal(Enumerable.Range(0, 500), await Task.WhenAll(Enumerable.Range(0, 500).Select(i => dict.GetAsync($"key {i}", Limit))));
        Assert.Equal(500, await dict.LengthAsync(Limit));
        Assert.False(await dict.TryAddAsync("key 1", 7, Limit));
        Assert.Equal((true, 1), await dict.TryPopAsync("key 1", Limit));
        Assert.Equal((false, 0), await dict.TryGetAsync("key 1", Limit));
        var keys = new List<string>();
        await foreach (var (key, value) in dict.IterateAsync(Limit))
        {
            keys.Add(key);
            Assert.Equal($"key {value}", key);
        }

        Assert.Equal(499, keys.Distinct().Count());
    }

    [Fact(Timeout = 60_000)]
    public async Task Queue_FullOrEmpty_WaitsAsLongAsIsSaid()
    {
        await using var queue = Keeping.Counted();
        await queue.PutManyAsync(Enumerable.Range(0, 5_000), "p", cancellationToken: Limit);

        await Assert.ThrowsAsync<LimitExceededException>(() => queue.PutAsync(1, "p", TimeSpan.Zero, cancellationToken: Limit));
        var put = queue.PutAsync(5_000, "p", cancellationToken: Limit);
        Assert.Equal(0, await queue.GetAsync("p", cancellationToken: Limit));
        await put;
        await Assert.ThrowsAsync<DeadlineException>(() => queue.GetAsync(timeout: TimeSpan.FromMilliseconds(200), cancellationToken: Limit));
        Assert.Equal((false, 0), await queue.TryGetAsync(cancellationToken: Limit));
        using (var given = new CancellationTokenSource())
        {
            var waiting = queue.GetAsync(cancellationToken: given.Token);
            await given.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        await queue.PutAsync(7, cancellationToken: Limit);
        Assert.Equal(7, await queue.GetAsync(timeout: TimeSpan.FromSeconds(30), cancellationToken: Limit));
        Assert.Equal(5_000, await queue.TotalLengthAsync(Limit));
        Assert.Equal(1, await queue.IterateAsync("p", Limit).FirstAsync(Limit));
        Assert.Equal(5_000, await queue.ClearAllAsync(Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task FromName_OfTwoObjects_IsTheSameUntilItIsDeleted()
    {
        var name = $"scenario-{Guid.NewGuid():N}"[..30];
        await Assert.ThrowsAsync<NotFoundException>(() => Dict.FromName<string, int>(name, createIfMissing: false).GetAsync("a", Limit));
        await Dict.FromName<string, int>(name).PutAsync("a", 1, Limit);

        Assert.Equal(1, await Dict.FromName<string, int>(name).GetAsync("a", Limit));
        Assert.Contains(await Dict.ListAsync(cancellationToken: Limit), d => d.Name == name);
        await Dict.DeleteAsync(name, cancellationToken: Limit);
        Assert.DoesNotContain(await Dict.ListAsync(cancellationToken: Limit), d => d.Name == name);
        await Assert.ThrowsAsync<NotFoundException>(() => Dict.DeleteAsync(name, cancellationToken: Limit));
    }

    // Snapshots hold the memory of processes that have read their secrets; all other files must not.
    private static IEnumerable<string> Files() => Directory.EnumerateFiles(DaemonFixture.StateDirectory, "server.db*")
        .Concat(Directory.EnumerateFiles(Path.Combine(DaemonFixture.StateDirectory, "logs")))
        .Concat(Directory.EnumerateFiles(Path.Combine(DaemonFixture.StateDirectory, "containers"), "*.json", SearchOption.AllDirectories));

    private static async Task<IReadOnlyList<ContainerStatus>> ContainersAsync(ServerClient server) =>
        [.. (await server.StatusAsync()).Apps.SelectMany(a => a.Functions).Where(f => f.Name.EndsWith("ReadSecrets", StringComparison.Ordinal)).SelectMany(f => f.Containers)];
}
