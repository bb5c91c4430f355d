using Modal.Benchmarks.CallLatency;
using Modal.Benchmarks.ColdStart;
using Modal.Benchmarks.Daemon;
using Modal.Benchmarks.FsSequential;
using Modal.Benchmarks.FsSmall;
using Modal.Benchmarks.Ingest;
using Modal.Benchmarks.LazyStart;
using Modal.Benchmarks.MapTenThousand;
using Modal.Benchmarks.Placing;
using Modal.Benchmarks.QueueDict;
using Modal.Benchmarks.QueueMemory;
using Modal.Benchmarks.Reporting;
using Modal.Benchmarks.Spawn;
using Modal.Benchmarks.Volumes;

IBenchmark[] benchmarks = [new MapTenThousandBenchmark(), new CallLatencyBenchmark(), new DaemonBenchmark(), new FsSmallBenchmark(), new FsSequentialBenchmark(), new IngestBenchmark(), new LazyStartBenchmark(),
    .. ColdStartBenchmark.All, new BurstBenchmark(), new SnapshotBenchmark(), new PlacementBenchmark(), new QueueMemoryBenchmark(), new QueueDictBenchmark(), new SpawnBenchmark(), new VolumeBenchmark()];

if (args is [BareServer.Argument, var socket])
{
    await BareServer.RunAsync(socket);
    return 0;
}

if (args is [LazyClient.Argument])
{
    await LazyClient.RunAsync();
    return 0;
}

if (args is [ColdClient.Argument, var mode, var rounds])
{
    await ColdClient.RunAsync(mode, int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture));
    return 0;
}

if (args is [BurstBenchmark.Argument])
{
    await BurstBenchmark.CallAsync();
    return 0;
}

if (args is [SnapshotBenchmark.Argument])
{
    await SnapshotBenchmark.CallAsync();
    return 0;
}

if (args is ["--list"])
{
    foreach (var benchmark in benchmarks)
    {
        Console.WriteLine($"{benchmark.Name,-14} {benchmark.Description}");
    }

    return 0;
}

var chosen = args is ["all"] ? benchmarks : [.. benchmarks.Where(b => args.Contains(b.Name))];
if (chosen.Length == 0)
{
    Console.Error.WriteLine($"usage: --list | all | NAME... where NAME is one of {string.Join(", ", benchmarks.Select(b => b.Name))}");
    return 2;
}

var results = new List<Measured>();
foreach (var benchmark in chosen)
{
    Console.WriteLine($"{benchmark.Name}: {benchmark.Description}");
    results.Add(await benchmark.RunAsync());
}

if (Environment.GetEnvironmentVariable("MODAL_STATE_DIR") is { Length: > 0 } state && Path.GetFileName(state).StartsWith("modal-bench-", StringComparison.Ordinal))
{
    await Modal.Scenarios.Harness.TestState.StopAsync(state);
}

foreach (var result in results)
{
    Console.WriteLine(result);
}

return results.All(r => r.Met) ? 0 : 1;
