using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.MapTenThousand;

/// <summary>Map over ten thousand inputs on two warm containers, against task queues with two workers.</summary>
internal sealed class MapTenThousandBenchmark : IBenchmark
{
    private const int Inputs = 10_000;
    private const int Rounds = 7;

    public string Name => "map10k";

    public string Description => "Map(10,000) of Square on two warm containers, against Dask, Celery and Hangfire in memory with two workers each";

    public async Task<Measured> RunAsync()
    {
        double ours;
        string sandbox;
        await using (var app = await BenchmarkApp.StartAsync())
        {
            sandbox = app.Sandbox;
            for (var i = 0; i < 3; i++)
            {
                await MapAsync();
            }

            var rounds = new List<double>();
            for (var i = 0; i < Rounds; i++)
            {
                rounds.Add(await Stats.SecondsAsync(MapAsync));
                Console.WriteLine($"ours ({sandbox}) round {i + 1}: {rounds[^1]:0.000} s");
            }

            ours = Stats.Median(rounds);
        }

        var hangfire = await HangfirePeer.RunAsync(Inputs);
        Console.WriteLine($"hangfire in memory, 2 workers: {hangfire:0.000} s");
        var dask = await PythonPeers.DaskAsync(Inputs);
        Console.WriteLine($"dask, 2 processes: {dask:0.000} s");
        var celery = await PythonPeers.CeleryAsync(Inputs);
        Console.WriteLine($"celery + redis, 2 processes: {celery:0.000} s");

        var met = ours < 1 && dask / ours >= 20 && celery / ours >= 20 && hangfire / ours >= 2;
        return new Measured(
            Name, $"{ours:0.000}s({sandbox})", $"dask:{dask:0.00}s({dask / ours:0}x),celery:{celery:0.00}s({celery / ours:0}x),hangfire:{hangfire:0.00}s({hangfire / ours:0.0}x)",
            Math.Min(dask, celery) / ours, "<1s,>=20x-dask,>=20x-celery,>=2x-hangfire", met);
    }

    private static async Task MapAsync()
    {
        var expected = 0;
        await foreach (var y in BenchmarkJobs.Remote.Square.Map(Enumerable.Range(0, Inputs)))
        {
            if (y != expected * expected)
            {
                throw new InvalidOperationException($"Result {expected} is {y}.");
            }

            expected++;
        }

        if (expected != Inputs)
        {
            throw new InvalidOperationException($"{expected} results came instead of {Inputs}.");
        }
    }
}
