using System.Diagnostics;
using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;

namespace Modal.Benchmarks.CallLatency;

/// <summary>One CallAsync after another into a warm container, against a unary gRPC request to the same daemon over the same socket.</summary>
internal sealed class CallLatencyBenchmark : IBenchmark
{
    private const int WarmUp = 2000;
    private const int Calls = 3000;

    public string Name => "call-p50";

    public string Description => "one CallAsync round trip into a warm container, against one gRPC request to the daemon (the floor)";

    public async Task<Measured> RunAsync()
    {
        await using var app = await BenchmarkApp.StartAsync();
        await TimesAsync(WarmUp, i => BenchmarkJobs.Remote.SquareAlone.CallAsync(i));
        await TimesAsync(WarmUp, _ => app.Server.DaemonPidAsync());

        // In turns, so that noise of the machine meets both.
        var ours = new List<double>();
        var floor = new List<double>();
        for (var round = 0; round < 5; round++)
        {
            ours.AddRange(await TimesAsync(Calls / 5, i => BenchmarkJobs.Remote.SquareAlone.CallAsync(i)));
            floor.AddRange(await TimesAsync(Calls / 5, _ => app.Server.DaemonPidAsync()));
        }

        var (p50, floorP50) = (Stats.Median(ours), Stats.Median(floor));
        Console.WriteLine($"CallAsync ({app.Sandbox}): p50 {p50:0} us, p95 {Stats.Percentile(ours, 0.95):0} us, p99 {Stats.Percentile(ours, 0.99):0} us");
        Console.WriteLine($"gRPC request: p50 {floorP50:0} us, p95 {Stats.Percentile(floor, 0.95):0} us, p99 {Stats.Percentile(floor, 0.99):0} us");
        return new Measured(Name, $"{p50:0}us({app.Sandbox})", $"grpc:{floorP50:0}us", p50 / floorP50, "<1500us,<=3x-grpc", p50 < 1500 && p50 / floorP50 <= 3);
    }

    private static async Task<List<double>> TimesAsync<T>(int count, Func<int, Task<T>> call)
    {
        var times = new List<double>(count);
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await call(i);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }

        return times;
    }
}
