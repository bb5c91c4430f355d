using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.Volumes;

/// <summary>Commits of many small files from inside a container, and of none. Reading is what fs-small and fs-seq measure: a volume is mounted by the same file system.</summary>
internal sealed class VolumeBenchmark : IBenchmark
{
    private const int Files = 10_000;
    private const int Rounds = 4;

    public string Name => "volume";

    public string Description => $"commit of {Files} changed files of 1 KB in a container, and a commit with nothing changed";

    public async Task<Measured> RunAsync()
    {
        await using var app = await BenchmarkApp.StartAsync();
        List<double> changed = [], unchanged = [];
        for (var round = 0; round < Rounds; round++)
        {
            var (first, second) = await VolumeJobs.Remote.Commit.CallAsync(Files, round);
            Console.WriteLine($"round {round}: {Files} changed files {first:0} ms, unchanged {second:0} ms");
            if (round > 0)
            {
                // In the first one the code was compiled.
                changed.Add(first);
                unchanged.Add(second);
            }
        }

        await VolumeJobs.Data.DeleteAsync();
        var (ours, idle) = (Stats.Median(changed), Stats.Median(unchanged));
        return new Measured(Name, $"{ours:0}ms({app.Sandbox})", $"unchanged:{idle:0}ms", ours / idle, "<2000ms,unchanged<50ms", ours < 2000 && idle < 50);
    }
}
