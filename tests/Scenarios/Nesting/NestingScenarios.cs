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
    public async Task Call_FunctionThatBlocksForItselfAfterManyQuickOnes_StillGetsItsContainers()
    {
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(0, await Nested.Remote.Depth.CallAsync(0, Limit));
        }

        var start = Stopwatch.GetTimestamp();
        Assert.Equal(5, await Nested.Remote.Depth.CallAsync(5, Limit));
        TestContext.Current.TestOutputHelper?.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s for six levels");
    }

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
    public async Task Call_FunctionThatUsesAService_GivesResultAndElements() => Assert.Equal("inside 4, inside 0, inside 1, inside 2", await Nested.Remote.UseService.CallAsync("inside", Limit));

    [Fact(Timeout = 200_000)]
    public async Task Call_FunctionWithAnImageThatOnlyTheInsideKnows_IsBuiltAndAdded()
    {
        daemon.RequireGVisor();
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "nested-made");

        Assert.True(await client.ExitAsync(TimeSpan.FromMinutes(3)) == 0, client.Error);

        Assert.Equal("made\n", client.Out);
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_OnAWorkerOverTcp_ReachesTheServer()
    {
        var (state, socket) = TestState.Create("server");
        var (other, _) = TestState.Create("worker");
        var address = $"127.0.0.1:{FreePort.Find()}";
        var server = HostProcess.Serve(state, "--role", "server", "--listen", address);
        var worker = HostProcess.Serve(other, "--role", "worker", "--server", $"http://{address}");
        try
        {
            await Until.SeenAsync("the server", TimeSpan.FromSeconds(30), () => Task.FromResult(File.Exists(socket)), found => found);
            using var client = new ClientProcess(state, "nested-talk", "7");
            Assert.True(await client.ExitAsync(TimeSpan.FromSeconds(100)) == 0, client.Error);
            Assert.Contains("result 7", client.Out, StringComparison.Ordinal);
        }
        finally
        {
            // Not by asking: only its operator stops a server that listens to others.
            await HostProcess.StopAsync(worker);
            await HostProcess.StopAsync(server);
            Directory.Delete(state, recursive: true);
            Directory.Delete(other, recursive: true);
        }
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

    [Theory(Timeout = 120_000)]
    [InlineData("Jobs.SlowSquare")]
    [InlineData("Nested.CallSlowly")]
    public async Task Kill_TheInnerOrTheOuterContainer_TheResultIsStillRight(string killed)
    {
        daemon.RequireGVisor();
        var (state, socket) = TestState.Create("nest");
        try
        {
            // Without runners that wait each sandbox is named after its container.
            using var host = HostProcess.Serve(state, "--waiting-runners", "0");
            await Until.SeenAsync("the daemon", TimeSpan.FromSeconds(30), () => Task.FromResult(File.Exists(socket)), found => found);
            using var client = new ClientProcess(state, "nested-slow", "12", "3000");
            using var server = new ServerClient(socket);
            await Until.SeenAsync("the inner input", TimeSpan.FromSeconds(60), () => RunningAsync(server), running => running == 1);

            foreach (var container in (await FunctionAsync(server, killed)).Containers)
            {
                Signal.Send(Assert.Single(Sandboxes.Of(state), pid => File.ReadAllText($"/proc/{pid}/cgroup").Contains(container.ContainerId, StringComparison.Ordinal)), Signal.Kill);
            }

            Assert.True(await client.ExitAsync(TimeSpan.FromSeconds(60)) == 0, client.Error);
            Assert.Equal("144\n", client.Out);
        }
        finally
        {
            await TestState.StopAsync(state);
        }
    }

    [Fact(Timeout = 180_000)]
    public async Task Call_FromACopyOfASnapshot_ReachesTheApp()
    {
        daemon.RequireGVisor();
        await using var service = Caller.Remote.Create();
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));

        var first = (await service.DescribeAsync.CallAsync(5, Limit)).Split(' ');
        var again = await Until.SeenAsync(
            "a copy",
            TimeSpan.FromSeconds(120),
            async () =>
            {
                await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(60), async () => (await FunctionAsync(server, "Caller")).Containers.Count, count => count == 0);
                return (await service.DescribeAsync.CallAsync(6, Limit)).Split(' ');
            },
            said => said[2] != said[3]);
        var container = (await FunctionAsync(server, "Caller")).Containers.Single(c => c.ContainerId == again[3]);

        Assert.Equal(["9", "25"], first[..2]);
        Assert.Equal(first[2], first[3]);
        Assert.Equal(["9", "36"], again[..2]);
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
        await Jobs.Remote.WarmSquare.CallAsync(1, Limit);
        var cold = await Nested.Remote.TimeCalls.CallAsync(5, Limit);

        var start = Stopwatch.GetTimestamp();
        var times = await Nested.Remote.TimeCalls.CallAsync(200, Limit);

        TestContext.Current.TestOutputHelper?.WriteLine($"first of a container {cold[0]:0} ms; later the first {times[0]:0.00} ms, median of the others {times[1]:0.00} ms, {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms in all");
        Assert.True(times[1] < 250, $"The median is {times[1]:0.00} ms.");
    }

    private static async Task<FunctionStatus> FunctionAsync(ServerClient server, string name) =>
        (await server.StatusAsync()).Apps.SelectMany(static a => a.Functions).Single(f => f.Name.EndsWith(name, StringComparison.Ordinal));

    private static async Task<long> RunningAsync(ServerClient server) =>
        (await server.StatusAsync()).Apps.SelectMany(static a => a.Functions).Where(static f => f.Name.EndsWith("Jobs.SlowSquare", StringComparison.Ordinal)).Sum(static f => f.Stats.InputsRunning);
}
