using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Modal.ScenarioApp;

/// <summary>A function for each set of arguments, gone soon after it was called.</summary>
[Service(MemoryMiB = 128, Cpu = 0.01, ScaledownWindowSeconds = 2, MaxContainers = 3)]
public sealed partial class Small(int number)
{
    [Function]
    public async Task<int> AddAsync(int x, int milliseconds)
    {
        await Task.Delay(milliseconds);
        return number + x;
    }
}

/// <summary>Two hundred functions with mixed load, for some time: ten are called all the time, the rest now and then.</summary>
internal static class Soak
{
    private const int Functions = 200;
    private const int Busy = 10;

    /// <summary>Prints a line per call: when it began, how long it took, whether it was of a busy function, and whether the result was right; in milliseconds.</summary>
    public static async Task RunAsync(int seconds)
    {
        var services = Enumerable.Range(0, Functions).Select(i => Small.Remote.Create(i)).ToList();
        var lines = new ConcurrentQueue<string>();
        var clock = Stopwatch.StartNew();
        var end = TimeSpan.FromSeconds(seconds);
        await services[0].AddAsync.CallAsync((0, 0));
        Console.WriteLine("begun");
        var loops = Enumerable.Range(0, Busy).Select(i => LoopAsync(() => i, TimeSpan.FromMilliseconds(700))).ToList();
        var random = new Random(5);
        loops.Add(LoopAsync(() => random.Next(Busy, Functions), TimeSpan.FromMilliseconds(700)));
        await Task.WhenAll(loops);
        foreach (var line in lines)
        {
            Console.WriteLine(line);
        }

        foreach (var service in services)
        {
            await service.DisposeAsync();
        }

        async Task LoopAsync(Func<int> choose, TimeSpan pause)
        {
            var calls = new List<Task>();
            for (var x = 0; clock.Elapsed < end; x++)
            {
                calls.Add(CallAsync(choose(), x));
                await Task.Delay(pause);
            }

            await Task.WhenAll(calls);
        }

        async Task CallAsync(int number, int x)
        {
            var began = clock.ElapsedMilliseconds;
            var result = await services[number].AddAsync.CallAsync((x, 50 * (x % 5)));
            lines.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{began} {clock.ElapsedMilliseconds - began} {(number < Busy ? "busy" : "rare")} {(result == number + x ? "right" : "wrong")}"));
        }
    }
}
