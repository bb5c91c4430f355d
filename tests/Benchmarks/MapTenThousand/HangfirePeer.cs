using System.Diagnostics;
using Hangfire;
using Hangfire.InMemory;

namespace Modal.Benchmarks.MapTenThousand;

/// <summary>Hangfire with in-memory storage in this process, two workers.</summary>
public static class HangfirePeer
{
    private static TaskCompletionSource s_done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private static int s_left;
    private static long s_sum;

    /// <summary>Median seconds of three rounds.</summary>
    internal static async Task<double> RunAsync(int inputs)
    {
        using var storage = new InMemoryStorage();
        using var server = new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = 2 }, storage);
        var client = new BackgroundJobClient(storage);
        await RoundAsync(client, 200);
        var rounds = new List<double>();
        for (var i = 0; i < 3; i++)
        {
            rounds.Add(await RoundAsync(client, inputs));
        }

        return Reporting.Stats.Median(rounds);
    }

    /// <summary>The job; public because Hangfire calls it by reflection.</summary>
    public static void Square(long x)
    {
        Interlocked.Add(ref s_sum, x * x);
        if (Interlocked.Decrement(ref s_left) == 0)
        {
            s_done.TrySetResult();
        }
    }

    private static async Task<double> RoundAsync(BackgroundJobClient client, int inputs)
    {
        s_done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        s_left = inputs;
        var start = Stopwatch.GetTimestamp();
        Parallel.For(0, inputs, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => client.Enqueue(() => Square(i)));
        await s_done.Task;
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
