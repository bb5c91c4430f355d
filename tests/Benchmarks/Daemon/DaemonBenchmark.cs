using Modal.Benchmarks.Functions;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.Daemon;

/// <summary>What the daemon costs: its start, its idling, and its processor time per input of a large Map; against a bare gRPC server's start.</summary>
internal sealed class DaemonBenchmark : IBenchmark
{
    private const int Inputs = 100_000;
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(15);

    public string Name => "daemon";

    public string Description => "start to ready, idle processor share and memory, processor time per input of Map(100,000); floor: start of a bare gRPC server";

    public async Task<Measured> RunAsync()
    {
        var starts = new List<double>();
        var floors = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            starts.Add(await StartAsync());
            floors.Add(await BareServer.StartAsync());
        }

        var (share, memory) = await IdleAsync();
        var perInput = await PerInputAsync();
        var (start, floor) = (Stats.Median(starts), Stats.Median(floors));
        Console.WriteLine($"start {start:0.00} s (bare gRPC server {floor:0.00} s), idle {share * 100:0.0} % of a core, {memory:0} MB, {perInput:0.0} us of processor time per input");
        return new Measured(
            Name, $"start:{start:0.00}s,idle:{share * 100:0.0}%,memory:{memory:0}MB,cpu-per-input:{perInput:0.0}us", $"bare-grpc-start:{floor:0.00}s", start / floor,
            "<1.5s,<3%,<160MB,<40us", start < 1.5 && share < 0.03 && memory < 160 && perInput < 40);
    }

    private static async Task<double> StartAsync()
    {
        var (state, socket) = TestState.Create("start");
        using var daemon = HostProcess.Serve(state);
        try
        {
            return await Stats.SecondsAsync(() => ReadyAsync(socket));
        }
        finally
        {
            await TestState.StopAsync(state);
            await daemon.WaitForExitAsync();
        }
    }

    private static async Task<(double Share, double Megabytes)> IdleAsync()
    {
        var (state, socket) = TestState.Create("idle");
        using var daemon = HostProcess.Serve(state);
        try
        {
            await ReadyAsync(socket);
            // What a start leaves behind (tiering, first collections) is not idling.
            await Task.Delay(TimeSpan.FromSeconds(5));
            var before = Stats.CpuSeconds(daemon.Id);
            await Task.Delay(s_idle);
            return ((Stats.CpuSeconds(daemon.Id) - before) / s_idle.TotalSeconds, Stats.ResidentMegabytes(daemon.Id));
        }
        finally
        {
            await TestState.StopAsync(state);
            await daemon.WaitForExitAsync();
        }
    }

    private static async Task<double> PerInputAsync()
    {
        await using var app = await BenchmarkApp.StartAsync();
        var pid = await app.Server.DaemonPidAsync();
        await BenchmarkJobs.Remote.Square.ForEachAsync(Enumerable.Range(0, 20_000));
        var before = Stats.CpuSeconds(pid);
        await BenchmarkJobs.Remote.Square.ForEachAsync(Enumerable.Range(0, Inputs).Select(i => i % 40_000));
        return (Stats.CpuSeconds(pid) - before) * 1e6 / Inputs;
    }

    private static async Task ReadyAsync(string socket)
    {
        while (!File.Exists(socket))
        {
            await Task.Delay(5);
        }

        using var client = new ServerClient(socket);
        await Until.SeenAsync("the daemon to answer", TimeSpan.FromSeconds(30), () => AnswersAsync(client), answered => answered);
    }

    private static async Task<bool> AnswersAsync(ServerClient client)
    {
        try
        {
            return await client.DaemonPidAsync() > 0;
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }
}
