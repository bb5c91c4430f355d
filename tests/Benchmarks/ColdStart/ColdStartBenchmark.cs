using Modal.Benchmarks.Reporting;
using Modal.Protocol;

namespace Modal.Benchmarks.ColdStart;

/// <summary>A call of a function that has no container, on a machine that is warm, in one of the ways in which containers start; against a .NET hello by runsc and by podman.</summary>
/// <param name="name">The benchmark.</param>
/// <param name="description">For the list.</param>
/// <param name="mode">What is called.</param>
/// <param name="isWanted">How containers have to start.</param>
/// <param name="goal">The goal in words.</param>
/// <param name="isMet">Of our milliseconds, and their ratio to runsc's.</param>
/// <param name="options">The daemon's.</param>
internal sealed class ColdStartBenchmark(string name, string description, string mode, Func<ContainerStart, bool> isWanted, string goal, Func<double, double, bool> isMet, params string[] options) : IBenchmark
{
    private const int Rounds = 9;

    public static IReadOnlyList<ColdStartBenchmark> All { get; } =
    [
        new("cold-runner", "call of a function without a container, a started runner waiting; peers: a .NET hello by runsc run and by podman with runsc", "call", static start => start == ContainerStart.Runner,
            "<60ms", static (ms, _) => ms < 60),
        new("cold-restore", "call of a service without a container, from its snapshot of memory; peers as of cold-runner", "restore", static start => start == ContainerStart.Snapshot, "<250ms", static (ms, _) => ms < 250),
        new("cold-lazy", "call of a function without a container, nothing started ahead; floor: runsc run of a .NET hello; beside it podman with runsc", "call", static start => start is ContainerStart.Lazy or ContainerStart.RunnerSnapshot,
            "<=1.1x-runsc", static (_, ratio) => ratio <= 1.1, "--waiting-runners", "0"),
    ];

    public string Name => name;

    public string Description => description;

    public async Task<Measured> RunAsync()
    {
        using var peers = new HelloPeers();
        List<double> runsc = [], podman = [];
        await MeasurePeersAsync();
        var ours = Stats.Median(await ColdClient.MeasureAsync(mode, Rounds, isWanted, options));
        await MeasurePeersAsync();
        var (bare, theirs) = (Stats.Median(runsc) * 1000, Stats.Median(podman) * 1000);
        return new Measured(name, $"{ours:0}ms", $"runsc-run:{bare:0}ms,podman-runsc:{(podman.Count > 0 ? $"{theirs:0}ms" : "not-here")}", ours / bare, goal, isMet(ours, ours / bare));

        // Before and after ours: what else the machine does changes meanwhile.
        async Task MeasurePeersAsync()
        {
            for (var round = 0; round < 5; round++)
            {
                runsc.Add(await peers.RunscAsync());
                if (await peers.PodmanAsync() is { } seconds)
                {
                    podman.Add(seconds);
                }
            }
        }
    }
}
