using System.Diagnostics;
using System.Globalization;
using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.QueueDict;

/// <summary>
/// Operations of one client with 64 at once on a queue and a dict of a daemon with its database on disk: each put is on disk when it is answered. The floor is as many unary gRPC requests to the same daemon.
/// </summary>
internal sealed class QueueDictBenchmark : IBenchmark
{
    private const int AtOnce = 64;
    private const double Goal = 10_000;

    // MODAL_BENCH_OPERATIONS: fewer, to see that it works.
    private static readonly int s_operations = int.Parse(Environment.GetEnvironmentVariable("MODAL_BENCH_OPERATIONS") ?? "40000", CultureInfo.InvariantCulture);

    public string Name => "queue-dict";

    public string Description => $"operations per second of a Queue and of a Dict from one client with {AtOnce} at once, on disk; against gRPC requests to the daemon (the floor)";

    public async Task<Measured> RunAsync()
    {
        await using var app = await BenchmarkApp.StartAsync();
        await using var queue = Queue.Ephemeral<int>();
        await using var dict = Dict.Ephemeral<string, int>();
        await RoundAsync(app, queue, dict, s_operations / 10);
        var (queued, kept, floor) = (new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < 3; round++)
        {
            var (q, d, f) = await RoundAsync(app, queue, dict, s_operations);
            queued.Add(q);
            kept.Add(d);
            floor.Add(f);
        }

        var (ours, ourDict, grpc) = (Stats.Median(queued), Stats.Median(kept), Stats.Median(floor));
        var least = Math.Min(ours, ourDict);
        return new Measured(Name, $"queue:{ours:0}/s,dict:{ourDict:0}/s", $"grpc:{grpc:0}/s", least / grpc, $">{Goal}/s-each", least > Goal);
    }

    // Half of the operations put, half get, at the same time on the queue, and one after the other on the dict, as caches are used.
    private static async Task<(double Queue, double Dict, double Floor)> RoundAsync(BenchmarkApp app, Modal.Queue<int> queue, Dict<string, int> dict, int operations)
    {
        var queued = await RateAsync(operations, async i =>
        {
            // By partition, as the number of workers that share a queue.
            var partition = $"p{i % 8}";
            if (i / AtOnce % 2 == 0)
            {
                await queue.PutAsync(i, partition);
            }
            else
            {
                await queue.TryGetAsync(partition);
            }
        });
        await queue.ClearAllAsync();
        var kept = await RateAsync(operations, i => i % 2 == 0 ? dict.PutAsync($"key {i % 5_000}", i) : dict.TryGetAsync($"key {(i - 1) % 5_000}"));
        var floor = await RateAsync(operations, _ => app.Server.DaemonPidAsync());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"queue {queued:0}/s, dict {kept:0}/s, gRPC {floor:0}/s"));
        return (queued, kept, floor);
    }

    private static async Task<double> RateAsync(int operations, Func<int, Task> run)
    {
        var next = -1;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            await Task.Yield();
            for (var i = Interlocked.Increment(ref next); i < operations; i = Interlocked.Increment(ref next))
            {
                await run(i);
            }
        }));
        return operations / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
