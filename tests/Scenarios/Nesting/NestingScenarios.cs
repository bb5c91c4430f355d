using System.Diagnostics;
using System.Security.Cryptography;
using Modal.Protocol;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Nesting;

/// <summary>Functions that call functions, in the app that the program opened.</summary>
public sealed class NestingScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Call_FunctionThatCallsAnother_GivesItsResult() => Assert.Equal(81, await Nested.Remote.SquareTwice.CallAsync(3, Limit));

    [Fact(Timeout = 120_000)]
    public async Task Call_FunctionThatCallsItself_GivesItsResult() => Assert.Equal(13, await Nested.Remote.Fibonacci.CallAsync(7, Limit));

    [Fact(Timeout = 120_000)]
    public async Task Call_FunctionThatBlocksForItself_TakesAContainerForEachLevel() => Assert.Equal(5, await Nested.Remote.Depth.CallAsync(5, Limit));

    [Fact(Timeout = 120_000)]
    public async Task Call_MapInMap_GivesTheSum() => Assert.Equal(
        Enumerable.Range(0, 20).Sum(static n => Enumerable.Range(0, n).Sum(static i => i * i)), await Nested.Remote.SumOfSums.CallAsync(20, Limit));

    [Fact(Timeout = 120_000)]
    public async Task Call_FiveMegabytesThroughTwoCalls_ComeBack()
    {
        var bytes = RandomNumberGenerator.GetBytes(5_000_000);

        var result = await Nested.Remote.ReverseTwice.CallAsync(bytes, Limit);

        Assert.True(bytes.AsSpan().SequenceEqual(result));
    }

    [Fact(Timeout = 60_000)]
    public async Task Call_InnerFunctionPrints_TheClientSeesItOnce()
    {
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "nested-talk", "7");

        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(50)));

        foreach (var line in (string[])["before the call 7", "managed out 7", "child out 7", "after child 7", "after the call 7", "result 7"])
        {
            Assert.Single(client.Out.Split('\n'), line);
        }

        Assert.Single(client.Error.Split('\n'), "managed err 7");
    }

    [Fact(Timeout = 60_000)]
    public async Task Cancel_OuterCall_CancelsTheInnerOne()
    {
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        using var cancel = new CancellationTokenSource();
        var call = Nested.Remote.CallSlowly.CallAsync((2, 600_000), cancel.Token);
        await Until.SeenAsync("the inner input", TimeSpan.FromSeconds(40), () => RunningAsync(server), running => running == 1);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Until.SeenAsync("the end of the inner input", TimeSpan.FromSeconds(10), () => RunningAsync(server), running => running == 0);
    }

    [Fact(Timeout = 120_000)]
    public async Task Kill_TheInnerContainer_TheResultIsStillRight()
    {
        daemon.RequireGVisor();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        var call = Nested.Remote.CallSlowly.CallAsync((12, 3_000), Limit);
        await Until.SeenAsync("the inner input", TimeSpan.FromSeconds(40), () => RunningAsync(server), running => running == 1);

        await KillAsync(server, "Jobs.SlowSquare");

        Assert.Equal(144, await call);
    }

    [Fact(Timeout = 120_000)]
    public async Task Kill_TheOuterContainer_TheInnerInputIsGivenUpAndTheResultIsRight()
    {
        daemon.RequireGVisor();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        var call = Nested.Remote.CallSlowly.CallAsync((13, 3_000), Limit);
        await Until.SeenAsync("the inner input", TimeSpan.FromSeconds(40), () => RunningAsync(server), running => running == 1);

        await KillAsync(server, "Nested.CallSlowly");

        Assert.Equal(169, await call);
    }

    [Fact(Timeout = 180_000)]
    public async Task Call_FromACopyOfASnapshot_ReachesTheApp()
    {
        daemon.RequireGVisor();
        await using var service = Caller.Remote.Create();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));

        var first = (await service.DescribeAsync.CallAsync(5, Limit)).Split(' ');
        await Until.SeenAsync("the snapshot", TimeSpan.FromSeconds(60), () => Task.FromResult(Directory.Exists(Path.Combine(DaemonFixture.StateDirectory, "snapshots"))
            && Directory.EnumerateFiles(Path.Combine(DaemonFixture.StateDirectory, "snapshots"), "hashes.json", SearchOption.AllDirectories).Any()), found => found);
        await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(60), async () => (await FunctionAsync(server, "Caller")).Containers.Count, count => count == 0);
        var again = (await service.DescribeAsync.CallAsync(6, Limit)).Split(' ');
        var container = (await FunctionAsync(server, "Caller")).Containers.Single(c => c.ContainerId == again[3]);

        Assert.Equal(["9", "25"], first[..2]);
        Assert.Equal(first[2], first[3]);
        Assert.Equal(["9", "36", first[2]], again[..3]);
        Assert.Equal((ContainerStart.Snapshot, ""), (container.Start, container.FallbackReason));
    }

    [Fact(Timeout = 60_000)]
    public async Task Call_RestrictModalAccess_IsRefused()
    {
        var error = await Assert.ThrowsAsync<RemoteException>(() => Nested.Remote.Restricted.CallAsync(3, Limit));

        Assert.Equal("Modal.AccessDeniedException", error.RemoteType);
        Assert.Contains("RestrictModalAccess", error.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("shutdown", "Code in a container cannot ask for /modal.v1.ModalClient/Shutdown.")]
    [InlineData("status", "Code in a container cannot ask for /modal.v1.ModalClient/GetStatus.")]
    [InlineData("worker", "Code in a container cannot ask for /modal.v1.ModalWorker/Work.")]
    [InlineData("app", "cannot call functions of app ap-")]
    public async Task AskFor_WhatIsNotTheContainersOwn_IsRefused(string what, string refusal)
    {
        var answer = await Nested.Remote.AskFor.CallAsync((what, Id.New(Id.App)), Limit);

        Assert.StartsWith("PermissionDenied: ", answer, StringComparison.Ordinal);
        Assert.Contains(refusal, answer, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_OfAWarmFunctionFromInside_IsQuick()
    {
        await Nested.Remote.TimeCalls.CallAsync(5, Limit);

        var start = Stopwatch.GetTimestamp();
        var times = await Nested.Remote.TimeCalls.CallAsync(200, Limit);

        TestContext.Current.TestOutputHelper?.WriteLine($"first {times[0]:0.00} ms, median of the others {times[1]:0.00} ms, {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms in all");
        Assert.True(times[1] < 250, $"The median is {times[1]:0.00} ms.");
    }

    private static async Task KillAsync(ServerClient server, string function)
    {
        var containers = (await FunctionAsync(server, function)).Containers.Where(static c => c.State == "ready").Select(static c => c.ContainerId).ToArray();
        var sandboxes = Sandboxes.Of(DaemonFixture.StateDirectory).Where(pid => containers.Any(id => File.ReadAllText($"/proc/{pid}/cgroup").Contains(id, StringComparison.Ordinal))).ToArray();
        Assert.NotEmpty(sandboxes);
        foreach (var pid in sandboxes)
        {
            Signal.Send(pid, Signal.Kill);
        }
    }

    private static async Task<FunctionStatus> FunctionAsync(ServerClient server, string name) =>
        (await server.StatusAsync()).Apps.Where(static a => a.Name == "scenarios").SelectMany(static a => a.Functions).Single(f => f.Name.EndsWith(name, StringComparison.Ordinal));

    private static async Task<long> RunningAsync(ServerClient server) =>
        (await server.StatusAsync()).Apps.Where(static a => a.Name == "scenarios").SelectMany(static a => a.Functions).Where(static f => f.Name.EndsWith("Jobs.SlowSquare", StringComparison.Ordinal)).Sum(static f => f.Stats.InputsRunning);
}
