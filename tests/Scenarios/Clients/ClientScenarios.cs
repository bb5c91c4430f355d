using System.Diagnostics;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Clients;

/// <summary>Client processes as a user runs them.</summary>
public sealed class ClientScenarios(DaemonFixture daemon)
{
    private const string AppName = "Modal.ScenarioApp";

    [Fact(Timeout = 120_000)]
    public async Task Pipe_Map_StdoutHoldsResultsAlone()
    {
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "map", "300");

        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(60)));

        Assert.Equal(string.Concat(Enumerable.Range(0, 300).Select(i => $"{i * i}\n")), client.Out);
    }

    [Fact(Timeout = 120_000)]
    public async Task Talk_OutputOfEveryKind_ArrivesOnItsStreamBeforeTheResult()
    {
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "talk", "7");

        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(60)));

        Assert.Equal("managed out 7\nchild out 7\nafter child 7\nresult 7\n", client.Out);
        Assert.Contains("managed err 7\n", client.Error, StringComparison.Ordinal);
        Assert.Contains("child err 7\n", client.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 120_000)]
    public async Task CtrlC_InTheMiddle_StopsTheContainersWithinASecond()
    {
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "slow", "1000", "200");
        await client.FirstLine.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.NotEqual(0, await server.ContainersAsync(AppName));
        var start = Stopwatch.GetTimestamp();

        client.Interrupt();

        await Until.SeenAsync("the app's containers to stop", TimeSpan.FromSeconds(20), () => server.ContainersAsync(AppName), n => n == 0);
        var took = Stopwatch.GetElapsedTime(start);
        Assert.Equal(130, await client.ExitAsync(TimeSpan.FromSeconds(20)));
        TestContext.Current.TestOutputHelper?.WriteLine($"containers gone after {took.TotalMilliseconds:0} ms, sandbox {daemon.App.Sandbox}");
    }

    [Fact(Timeout = 120_000)]
    public async Task Kill_Client_IsNoticedAndItsAppStopped()
    {
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "slow", "1000", "200");
        await client.FirstLine.WaitAsync(TimeSpan.FromSeconds(60));

        client.Kill();

        await Until.SeenAsync("the app to be gone", TimeSpan.FromSeconds(30), async () => (await server.StatusAsync()).Apps.Count(a => a.Name == AppName), n => n == 0);
    }

    [Fact(Timeout = 120_000)]
    public async Task Start_TwoClientsAtOnce_StartOneDaemon()
    {
        var (state, socket) = TestState.Create("two");
        try
        {
            using var first = new ClientProcess(state, "call", "3");
            using var second = new ClientProcess(state, "call", "4");

            Assert.True(await first.ExitAsync(TimeSpan.FromSeconds(60)) == 0, first.Error);
            Assert.True(await second.ExitAsync(TimeSpan.FromSeconds(60)) == 0, second.Error);

            Assert.Equal(("9\n", "16\n"), (first.Out, second.Out));
            using var server = new ServerClient(socket);
            var pid = await server.DaemonPidAsync();
            Assert.Equal([pid], DaemonsOf(state));
        }
        finally
        {
            await TestState.StopAsync(state);
        }
    }

    private static int[] DaemonsOf(string state) =>
        [.. Process.GetProcessesByName("dotnet").Where(p => File.ReadAllText($"/proc/{p.Id}/cmdline").Split('\0') is var a && a.Contains("serve") && a.Contains(state)).Select(p => p.Id)];
}
