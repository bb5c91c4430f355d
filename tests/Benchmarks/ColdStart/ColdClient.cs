using System.Globalization;
using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;
using Modal.Protocol;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.ColdStart;

/// <summary>Calls of functions that have no container, by a process of its own, on a daemon of its own.</summary>
internal static class ColdClient
{
    public const string Argument = "--cold-client";

    // What is left of the container before, and what is started ahead, is in place by then.
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(1.5);

    /// <summary>Main of the process: prints how many milliseconds each call took, and how its container was started.</summary>
    public static async Task RunAsync(string mode, int rounds)
    {
        using var server = new ServerClient(Path.Combine(Environment.GetEnvironmentVariable("MODAL_STATE_DIR")!, "daemon.sock"));
        await ColdJobs.Remote.Nothing.CallAsync();
        await using var service = ColdService.Remote.Create();
        Func<Task<int>> call = mode == "restore" ? () => service.Square.CallAsync(7) : () => ColdJobs.Remote.Square.CallAsync(7);
        var name = mode == "restore" ? "ColdService" : "ColdJobs.Square";

        // One more at first: it is what snapshots are taken of, and what compiles this process.
        for (var round = -1; round < rounds; round++)
        {
            var result = 0;
            var seconds = await Stats.SecondsAsync(async () => result = await call());
            if (result != 49)
            {
                throw new InvalidOperationException($"The square of 7 is not {result}.");
            }

            var containers = await ContainersAsync(server, name);
            if (round >= 0)
            {
                Console.WriteLine($"{(seconds * 1000).ToString(CultureInfo.InvariantCulture)} {containers[0].Start} {string.Join(',', containers[0].Phases.Select(p => $"{p.Name}={p.DurationUs / 1000.0:0.0}"))}");
            }

            await Until.SeenAsync("scale to zero", TimeSpan.FromSeconds(30), () => ContainersAsync(server, name), found => found.Count == 0);
            await Task.Delay(s_settle);
        }
    }

    /// <summary>Starts a daemon, lets a process call, and stops it.</summary>
    /// <param name="mode">"restore" calls the service with a snapshot; anything else the function without.</param>
    /// <param name="rounds">How many calls.</param>
    /// <param name="isWanted">How the containers have to be started; calls for which that was not so are left out.</param>
    /// <param name="options">The daemon's.</param>
    /// <returns>Milliseconds.</returns>
    public static async Task<IReadOnlyList<double>> MeasureAsync(string mode, int rounds, Func<ContainerStart, bool> isWanted, params string[] options)
    {
        var (state, _) = TestState.Create("cold");
        var daemon = HostProcess.Serve(state, options);
        try
        {
            var output = await Cli.Wrap("dotnet")
                .WithArguments([typeof(ColdClient).Assembly.Location, Argument, mode, rounds.ToString(CultureInfo.InvariantCulture)])
                .WithEnvironmentVariables(e => e.Set("MODAL_STATE_DIR", state).Set("MODAL_HOST", HostPaths.HostProgram))
                .WithStandardErrorPipe(PipeTarget.ToDelegate(Console.Error.WriteLine))
                .ExecuteBufferedAsync();
            var calls = output.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            foreach (var call in calls)
            {
                Console.WriteLine(call);
            }

            var measured = calls.Select(c => c.Split(' ')).Where(c => isWanted(Enum.Parse<ContainerStart>(c[1]))).Select(c => double.Parse(c[0], CultureInfo.InvariantCulture)).ToList();
            return measured.Count >= (rounds + 1) / 2 ? measured : throw new InvalidOperationException($"Only {measured.Count} of {rounds} containers were started as they had to be.");
        }
        finally
        {
            await HostProcess.StopAsync(daemon);
            Directory.Delete(state, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<ContainerStatus>> ContainersAsync(ServerClient server, string function) =>
        [.. (await server.StatusAsync()).Apps.SelectMany(a => a.Functions).Where(f => f.Name.EndsWith(function, StringComparison.Ordinal)).SelectMany(f => f.Containers)];
}
