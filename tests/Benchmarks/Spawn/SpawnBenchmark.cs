using System.Diagnostics;
using System.Globalization;
using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.Spawn;

/// <summary>
/// Detached inputs of one client until they are acknowledged, which means on the daemon's disk: calls of a hundred inputs each, some at once; single calls, a hundred at once; and one after the other. The function's
/// containers work on them meanwhile, as they would. The floor of one is a write of as many bytes and its sync.
/// </summary>
internal sealed class SpawnBenchmark : IBenchmark
{
    private const int Batch = 100;
    private const int BatchesAtOnce = 8;
    private const double RateGoal = 30_000;
    private const double OneGoalMs = 3;

    // MODAL_BENCH_OPERATIONS: fewer, to see that it works.
    private static readonly int s_inputs = int.Parse(Environment.GetEnvironmentVariable("MODAL_BENCH_OPERATIONS") ?? "60000", CultureInfo.InvariantCulture);

    public string Name => "spawn";

    public string Description => $"detached inputs acknowledged per second in calls of {Batch}, and the time of one, on disk; against a write and its sync (the floor)";

    public async Task<Measured> RunAsync()
    {
        await using var app = await BenchmarkApp.StartAsync();
        await (await BenchmarkJobs.Remote.Square.SpawnAsync(1)).GetAsync();
        var (rates, singles, ones, floors) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < 3; round++)
        {
            ones.Add(await OneAsync());
            floors.Add(Floor());
            rates.Add(Batch * await RateAsync(s_inputs / Batch, BatchesAtOnce, static _ => BenchmarkJobs.Remote.Square.SpawnMapAsync(Enumerable.Range(0, Batch))));
            singles.Add(await RateAsync(s_inputs / 3, Batch, static i => BenchmarkJobs.Remote.Square.SpawnAsync(i)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"one {ones[^1]:0.00} ms, write and sync {floors[^1]:0.00} ms, {rates[^1]:0}/s in calls of {Batch}, {singles[^1]:0}/s in single calls"));
        }

        var (rate, single, one, floor) = (Stats.Median(rates), Stats.Median(singles), Stats.Median(ones), Stats.Median(floors));
        return new Measured(Name, $"{rate:0}/s,single:{single:0}/s,one:{one:0.00}ms", $"sync:{floor:0.00}ms", one / floor, $">{RateGoal:0}/s,<{OneGoalMs:0}ms", rate > RateGoal && one < OneGoalMs);
    }

    private static async Task<double> OneAsync()
    {
        var times = new List<double>();
        for (var i = 0; i < 300; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await BenchmarkJobs.Remote.Square.SpawnAsync(i);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return Stats.Median(times);
    }

    private static async Task<double> RateAsync<T>(int calls, int atOnce, Func<int, Task<T>> spawn)
    {
        var next = -1;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            await Task.Yield();
            for (var i = Interlocked.Increment(ref next); i < calls; i = Interlocked.Increment(ref next))
            {
                await spawn(i);
            }
        }));
        return calls / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Floor()
    {
        var path = Path.Combine(Environment.GetEnvironmentVariable("MODAL_STATE_DIR")!, "floor");
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var times = new List<double>();
        for (var i = 0; i < 100; i++)
        {
            var start = Stopwatch.GetTimestamp();
            file.Write(new byte[256]);
            file.Flush(flushToDisk: true);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return Stats.Median(times);
    }
}
