using System.Diagnostics;
using System.Globalization;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Soak;

/// <summary>Long runs, by a flag of their own.</summary>
public sealed class SoakScenarios(DaemonFixture daemon)
{
    private const int Seconds = 140;

    // A kill in each minute; what the machine is like before it and after it is compared over windows of this length.
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(10);
    private static readonly int[] s_killAfter = [30, 90];

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Explicit = true, Timeout = 400_000)]
    public async Task Load_TwoHundredFunctionsWhileAWorkerIsKilledEachMinute_LosesNothing()
    {
        daemon.RequireGVisor();
        var (state, socket) = TestState.Create("soak");
        var (one, _) = TestState.Create("soak-1");
        var (two, _) = TestState.Create("soak-2");
        using var server = HostProcess.Serve(state, "--role", "server");
        await Until.SeenAsync("the server", TimeSpan.FromSeconds(30), () => Task.FromResult(File.Exists(socket)), found => found);
        string[] states = [one, two];
        Process[] workers = [Start(one), Start(two)];
        try
        {
            using var client = new ClientProcess(state, "soak", Seconds.ToString(CultureInfo.InvariantCulture));
            await client.FirstLine.WaitAsync(TimeSpan.FromSeconds(60), Limit);
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < s_killAfter.Length; i++)
            {
                await Task.Delay(TimeSpan.FromSeconds(s_killAfter[i]) - clock.Elapsed, Limit);
                Signal.Send(workers[i].Id, Signal.Kill);
                await workers[i].WaitForExitAsync(Limit);
                workers[i].Dispose();
                workers[i] = Start(states[i]);
            }

            Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(200)));
            var calls = client.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(' '))
                .Select(c => (At: TimeSpan.FromMilliseconds(long.Parse(c[0], CultureInfo.InvariantCulture)), Milliseconds: long.Parse(c[1], CultureInfo.InvariantCulture), IsBusy: c[2] == "busy", IsRight: c[3] == "right")).ToList();
            Report("all rare calls", calls.Where(c => !c.IsBusy).Select(c => c.Milliseconds));
            foreach (var kill in s_killAfter.Select(k => TimeSpan.FromSeconds(k)))
            {
                Report($"busy calls in the 10 s before the kill at {kill}", calls.Where(c => c.IsBusy && c.At > kill - s_window && c.At < kill).Select(c => c.Milliseconds));
                Report("in the 5 s after it", calls.Where(c => c.IsBusy && c.At >= kill && c.At < kill + (s_window / 2)).Select(c => c.Milliseconds));
                Report("in the 10 s after that", calls.Where(c => c.IsBusy && c.At >= kill + (s_window / 2) && c.At < kill + (s_window * 1.5)).Select(c => c.Milliseconds));
            }

            // Each loop makes at least one call a second; whoever waited for a lost container has its result too, or the client would not have ended with 0.
            Assert.True(calls.Count > 10 * Seconds, $"There were only {calls.Count} calls.");
            Assert.All(calls, c => Assert.True(c.IsRight));
        }
        finally
        {
            foreach (var worker in workers)
            {
                Signal.Send(worker.Id, Signal.Terminate);
                await worker.WaitForExitAsync(CancellationToken.None);
                worker.Dispose();
            }

            await TestState.StopAsync(state);
            Directory.Delete(one, recursive: true);
            Directory.Delete(two, recursive: true);
        }

        Process Start(string folder) => HostProcess.Serve(folder, "--role", "worker", "--server", $"unix://{socket}", "--store", $"folder:{Path.Combine(state, "store")}");
    }

    private static void Report(string what, IEnumerable<long> milliseconds)
    {
        var sorted = milliseconds.Order().ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(sorted.Count == 0 ? $"{what}: none" : $"{what}: {sorted.Count}, median {sorted[sorted.Count / 2]} ms, slowest {sorted[^1]} ms");
    }
}
