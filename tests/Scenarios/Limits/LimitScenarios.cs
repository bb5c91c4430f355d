using System.Diagnostics;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Limits;

/// <summary>Code that takes more than it may have is held to it, its caller is told by name, and a neighbour's calls go on as before.</summary>
public sealed class LimitScenarios(DaemonFixture daemon)
{
    // All share the cores of the machine: a call of a few milliseconds may have to wait for its turn, not for the end of what the others do.
    private const double PatienceMs = 1000;

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Memory_OverItsLimit_IsOutOfMemoryAndUnderItIsFine()
    {
        daemon.RequireGVisor();

        // More than is requested, less than the limit.
        Assert.Equal(160, await ScenarioApp.Limits.Remote.Hoard.CallAsync(160, Limit));
        var error = await WithNeighbourAsync("memory", () => Assert.ThrowsAsync<ContainerFailureException>(() => ScenarioApp.Limits.Remote.Hoard.CallAsync(100_000, Limit)));

        Assert.Equal(ContainerFailureReason.OutOfMemory, error.Reason);
        Assert.Contains("MemoryMiB", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await ScenarioApp.Limits.Remote.Hoard.CallAsync(1, Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task Processor_OverItsLimit_GetsNoMore()
    {
        daemon.RequireGVisor();
        await Task.WhenAll(ScenarioApp.Limits.Remote.SpinFree.CallAsync(1, Limit), ScenarioApp.Limits.Remote.SpinLimited.CallAsync(1, Limit));

        var (free, limited) = (0.0, double.MaxValue);
        for (var i = 0; i < 3 && limited > 0.6 * free; i++)
        {
            // What else runs on the machine may take from the one without limit.
            free = await WithNeighbourAsync("processor", () => ScenarioApp.Limits.Remote.SpinFree.CallAsync(3000, Limit));
            limited = await ScenarioApp.Limits.Remote.SpinLimited.CallAsync(3000, Limit);
        }

        // Without limit it had one to two cores.
        TestContext.Current.SendDiagnosticMessage("Limited to 0.2 cores it did {0} of the work that it did without", limited / free);
        Assert.InRange(limited / free, 0, 0.6);
    }

    [Fact(Timeout = 120_000)]
    public async Task Disk_OverItsLimit_IsAnIOExceptionOfTheCode()
    {
        daemon.RequireGVisor();

        Assert.Equal(30, await ScenarioApp.Limits.Remote.Fill.CallAsync(30, Limit));
        var error = await WithNeighbourAsync("disk", () => Assert.ThrowsAsync<RemoteException>(() => ScenarioApp.Limits.Remote.Fill.CallAsync(100_000, Limit)));

        Assert.Equal("System.IO.IOException", error.RemoteType);
        Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, await ScenarioApp.Limits.Remote.Fill.CallAsync(0, Limit));
    }

    [Fact(Timeout = 120_000)]
    public async Task ForkBomb_IsAnExceptionOfTheCode()
    {
        daemon.RequireGVisor();

        var error = await WithNeighbourAsync("fork bomb", () => Assert.ThrowsAnyAsync<ModalException>(() => ScenarioApp.Limits.Remote.Fork.CallAsync(100_000, Limit)));

        // The runtime itself may be the one that gets no thread, and aborts.
        Assert.True(error is ContainerFailureException { Reason: ContainerFailureReason.Crashed } || error.Message.Contains("Resource temporarily unavailable", StringComparison.Ordinal), error.ToString());
    }

    private static async Task<T> WithNeighbourAsync<T>(string what, Func<Task<T>> trouble)
    {
        await ScenarioApp.Limits.Remote.Ping.CallAsync(0, Limit);
        var quiet = await MedianAsync(Task.CompletedTask);
        var ended = trouble();
        var disturbed = await MedianAsync(ended);
        TestContext.Current.SendDiagnosticMessage("The neighbour's call took {0} ms before and {1} ms during: {2}", quiet, disturbed, what);
        Assert.InRange(disturbed, 0, PatienceMs);
        return await ended;
    }

    private static async Task<double> MedianAsync(Task until)
    {
        var times = new List<double>();
        while (times.Count < 10 || !until.IsCompleted)
        {
            var start = Stopwatch.GetTimestamp();
            Assert.Equal(1, await ScenarioApp.Limits.Remote.Ping.CallAsync(1, Limit));
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return times.Order().ElementAt(times.Count / 2);
    }
}
