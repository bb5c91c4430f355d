using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.ColdStart;

/// <summary>A hundred calls at once of a function without a container, each in a sandbox of its own; against as many bare sandboxes with a .NET hello that stay, started as many at a time as there are cores.</summary>
internal sealed class BurstBenchmark : IBenchmark
{
    public const string Argument = "--burst-client";

    private const int Sandboxes = 100;

    // Longer than all of them take to start, so that none serves twice.
    private const int HoldMilliseconds = 60_000;

    public string Name => "burst100";

    public string Description => "100 cold sandboxes at once, median time from the call to user code; floor: 100 times runsc run of a .NET hello that stays, one per core at a time";

    /// <summary>Main of the client's process: prints after how many milliseconds each call ran.</summary>
    public static async Task CallAsync()
    {
        await ColdJobs.Remote.Nothing.CallAsync();

        // Lets the worker see what is wanted, but not how long the inputs take.
        await ColdJobs.Remote.Small.CallAsync();
        using var server = new ServerClient(Path.Combine(Environment.GetEnvironmentVariable("MODAL_STATE_DIR")!, "daemon.sock"));
        await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(30), async () => (await server.StatusAsync()).Apps.SelectMany(a => a.Functions).Where(f => f.Name.EndsWith("Small", StringComparison.Ordinal)).Sum(f => f.Containers.Count), found => found == 0);
        await Task.Delay(3000);
        var begun = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var calls = Enumerable.Range(0, Sandboxes).Select(_ => ColdJobs.Remote.HoldAsync.CallAsync(HoldMilliseconds)).ToList();
        await Task.Delay(HoldMilliseconds * 2 / 3);
        var containers = (await server.StatusAsync()).Apps.SelectMany(a => a.Functions).Where(f => f.Name.EndsWith("HoldAsync", StringComparison.Ordinal)).SelectMany(f => f.Containers).ToList();
        foreach (var phase in containers.SelectMany(c => c.Phases).GroupBy(p => p.Name))
        {
            await Console.Error.WriteLineAsync($"{phase.Key}: median {Stats.Median(phase.Select(p => p.DurationUs / 1000.0)):0} ms of {phase.Count()} containers");
        }

        await Console.Error.WriteLineAsync(string.Join(", ", containers.GroupBy(c => $"{c.State} {c.Start}").Select(g => $"{g.Count()} {g.Key}")));
        foreach (var at in await Task.WhenAll(calls))
        {
            Console.WriteLine(at - begun);
        }
    }

    async Task<Measured> IBenchmark.RunAsync()
    {
        var floor = await FloorAsync();
        var (state, _) = TestState.Create("burst");
        var daemon = HostProcess.Serve(state);
        try
        {
            var output = await Cli.Wrap("dotnet")
                .WithArguments([typeof(BurstBenchmark).Assembly.Location, Argument])
                .WithEnvironmentVariables(e => e.Set("MODAL_STATE_DIR", state).Set("MODAL_HOST", HostPaths.HostProgram))
                .WithStandardErrorPipe(PipeTarget.ToDelegate(Console.Error.WriteLine))
                .ExecuteBufferedAsync();
            var times = output.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).Order().ToList();
            var ours = Stats.Median(times.Select(t => t / 1000.0));
            Console.WriteLine($"first {times[0]} ms, median {ours * 1000:0} ms, last {times[^1]} ms; bare sandboxes: median {floor:0.00} s");
            return new Measured(Name, $"{ours:0.00}s", $"runsc-run:{floor:0.00}s", ours / floor, "<1s-or-<=1.2x-floor", times.Count == Sandboxes && (ours < 1 || ours / floor <= 1.2));
        }
        finally
        {
            await HostProcess.StopAsync(daemon);
            Directory.Delete(state, recursive: true);
        }
    }

    // Ours stay as well; a sandbox that sleeps takes processor time of its own.
    private static async Task<double> FloorAsync()
    {
        using var peers = new HelloPeers();
        return Stats.Median(await peers.RunscStayingAsync(Sandboxes));
    }
}
