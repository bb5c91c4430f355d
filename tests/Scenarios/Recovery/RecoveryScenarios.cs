using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Recovery;

/// <summary>kill -9 of anything in the middle of a Map: every result arrives exactly once and right.</summary>
public sealed class RecoveryScenarios(DaemonFixture daemon)
{
    private const int Inputs = 400;

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Kill_ASandbox_EveryResultArrivesOnce()
    {
        daemon.RequireGVisor();

        await MapWhileAsync(() => Signal.Send(Sandboxes.Of(DaemonFixture.StateDirectory)[0], Signal.Kill));
    }

    [Fact(Timeout = 120_000)]
    public async Task Kill_TheDaemon_EveryResultArrivesOnce()
    {
        using var server = new ServerClient(Path.Combine(DaemonFixture.StateDirectory, "daemon.sock"));
        var pid = await server.DaemonPidAsync();

        await MapWhileAsync(() => Signal.Send(pid, Signal.Kill));
    }

    [Fact(Timeout = 180_000)]
    public async Task Kill_TheWorker_EveryResultArrivesOnce()
    {
        var (state, socket) = TestState.Create("roles");
        using var server = HostProcess.Serve(state, "--role", "server");
        var worker = HostProcess.Serve(state, "--role", "worker");
        try
        {
            using var client = new ClientProcess(state, "slow", "200", "20");
            await client.FirstLine.WaitAsync(TimeSpan.FromSeconds(60), Limit);

            worker.Kill();
            worker.Dispose();
            worker = HostProcess.Serve(state, "--role", "worker");

            Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(100)));
            Assert.Equal(string.Concat(Enumerable.Range(0, 200).Select(i => $"{i * i}\n")), client.Out);
        }
        finally
        {
            // Not by a kill: what it keeps waiting would stay, and only a worker of the same directory removes that.
            await HostProcess.StopAsync(worker);
            await TestState.StopAsync(state);
        }
    }

    // 20 ms an input on at most two containers: the whole takes some 4 s, so that the kill after 50 results is in the middle.
    private static async Task MapWhileAsync(Action kill)
    {
        var results = new List<int>();
        await foreach (var y in Jobs.Remote.SlowSquare.Map(Enumerable.Range(0, Inputs).Select(i => (i, 20)), Limit))
        {
            results.Add(y);
            if (results.Count == 50)
            {
                kill();
            }
        }

        Assert.Equal(Enumerable.Range(0, Inputs).Select(i => i * i), results);
    }
}
