using System.Security.Cryptography;
using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Calls;

public sealed class CallScenarios(DaemonFixture daemon)
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_Square_RunsInAContainer() => Assert.Equal(49, await Jobs.Remote.Square.CallAsync(7, Limit));

    [Fact(Timeout = 120_000)]
    public async Task Map_TenThousandInputsInGVisor_ResultsAreRightAndInOrder()
    {
        daemon.RequireGVisor();

        var results = await Jobs.Remote.Square.Map(Enumerable.Range(0, 10_000), Limit).ToListAsync(Limit);

        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => i * i), results);
    }

    [Fact(Timeout = 120_000)]
    public async Task Call_FiftyMegabytes_ComeBackReversed()
    {
        var bytes = RandomNumberGenerator.GetBytes(50_000_000);

        var result = await Jobs.Remote.Reverse.CallAsync(bytes, Limit);

        Array.Reverse(bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(result));
    }

    [Fact(Timeout = 60_000)]
    public async Task Call_StreamingFunction_GivesEveryElement() =>
        Assert.Equal(Enumerable.Range(0, 500), await Jobs.Remote.Count.CallAsync(500, Limit).ToListAsync(Limit));

    [Fact(Timeout = 60_000)]
    public async Task Call_FunctionWithoutResult_Ends() => await Jobs.Remote.Nothing.CallAsync("quiet", Limit);

    [Fact(Timeout = 60_000)]
    public async Task Map_ConcurrentInputs_RunTogetherInOneContainer()
    {
        await Jobs.Remote.Together.CallAsync(0, Limit);
        var start = System.Diagnostics.Stopwatch.GetTimestamp();

        var results = await Jobs.Remote.Together.Map(Enumerable.Range(0, 16), Limit).ToListAsync(Limit);

        // One after another would be 3.2 s; eight at a time are 0.4 s.
        Assert.Equal(Enumerable.Range(0, 16), results);
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(2.5));
    }

    [Fact(Timeout = 60_000)]
    public async Task Call_Cancelled_StopsTheRemoteWorkAndTheContainerGoesOn()
    {
        using var cancel = new CancellationTokenSource();
        await Jobs.Remote.SlowSquare.CallAsync(1, 1, Limit);
        var call = Jobs.Remote.SlowSquare.CallAsync(2, 600_000, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal(9, await Jobs.Remote.SlowSquare.CallAsync(3, 1, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Service_WithParameters_KeepsStateBetweenCalls()
    {
        await using var a = Counter.Remote.Create("a");
        await using var b = Counter.Remote.Create("b", start: 100);

        Assert.Equal("a 11", await a.Next.CallAsync(Limit));
        Assert.Equal("a 12", await a.Next.CallAsync(Limit));
        Assert.Equal("b 101", await b.Next.CallAsync(Limit));
        Assert.Equal(["b 0", "b 1", "b 2"], await b.Some.CallAsync(3, Limit).ToListAsync(Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Service_EnterThrows_CallerSeesWhatItThrew()
    {
        await using var service = Unstartable.Remote.Create();

        var error = await Assert.ThrowsAsync<ContainerStartException>(() => service.Get.CallAsync(Limit));

        var inner = Assert.IsType<RemoteException>(error.InnerException);
        Assert.Equal("System.NotSupportedException", inner.RemoteType);
        Assert.Contains("Counter.cs:line", inner.RemoteStackTrace, StringComparison.Ordinal);
    }
}
