using Modal.ScenarioApp;
using Modal.Scenarios.Harness;
using Xunit;

namespace Modal.Scenarios.Calls;

/// <summary>Calls that outlive who made them.</summary>
public sealed class DetachedScenarios
{
    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Spawn_Square_ResultMayBeReadTwiceAndById()
    {
        var call = await Jobs.Remote.Square.SpawnAsync(7, Limit);

        Assert.StartsWith("fc-", call.Id, StringComparison.Ordinal);
        Assert.Equal(49, await call.GetAsync(cancellationToken: Limit));
        Assert.Equal(49, await call.GetAsync(TimeSpan.Zero, cancellationToken: Limit));
        Assert.Equal(49, await FunctionCall.FromId<int>(call.Id).GetAsync(cancellationToken: Limit));
        Assert.Equal(49, await Jobs.Remote.Square.FromId(call.Id).GetAsync(cancellationToken: Limit));
        var status = await call.GetStatusAsync(Limit);
        Assert.Equal((FunctionCallState.Finished, 1, 1, 0), (status.State, status.Inputs, status.Succeeded, status.Failed));
        Assert.Equal(TimeSpan.FromDays(7), status.Expires - status.Finished);
    }

    [Fact(Timeout = 60_000)]
    public async Task Spawn_NotFinished_GetTimesOutAndTheCallGoesOn()
    {
        var call = await Jobs.Remote.SlowSquare.SpawnAsync(3, 2000, Limit);

        await Assert.ThrowsAsync<TimeoutException>(() => call.GetAsync(TimeSpan.Zero, cancellationToken: Limit));
        var error = await Assert.ThrowsAsync<TimeoutException>(() => call.GetAsync(TimeSpan.FromMilliseconds(200), cancellationToken: Limit));

        Assert.Equal($"The call {call.Id} has no result after 0.2 s; it goes on.", error.Message);
        Assert.Equal(9, await call.GetAsync(cancellationToken: Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task SpawnMap_ManyInputs_ResultsAreInOrder()
    {
        var call = await Jobs.Remote.Square.SpawnMapAsync(Enumerable.Range(0, 5_000), Limit);

        Assert.Equal(Enumerable.Range(0, 5_000).Select(i => i * i), await call.Results(Limit).ToListAsync(Limit));
        Assert.Equal(16, await call.GetAsync(index: 4, cancellationToken: Limit));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => call.GetAsync(index: 5_000, cancellationToken: Limit));
        Assert.Equal(5_000, (await call.Outcomes(ordered: false, Limit).ToListAsync(Limit)).Select(o => o.Index).Distinct().Count());
    }

    [Fact(Timeout = 60_000)]
    public async Task SpawnMap_ArgumentsThrow_CancelsWhatWasBegun()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Jobs.Remote.SlowSquare.SpawnMapAsync(Failing(), Limit));

        Assert.Equal("no more", error.Message);

        static IEnumerable<(int, int)> Failing()
        {
            for (var i = 0; i < 1_200; i++)
            {
                yield return (i, 60_000);
            }

            throw new InvalidOperationException("no more");
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Gather_Calls_GivesTheirResultsInOrder()
    {
        var calls = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Jobs.Remote.Square.SpawnAsync(i, Limit)));

        Assert.Equal(Enumerable.Range(0, 20).Select(i => i * i), await FunctionCall.GatherAsync(calls));
    }

    [Fact(Timeout = 60_000)]
    public async Task Spawn_LargeArgumentAndResult_TravelAsBlobs()
    {
        var bytes = new byte[3_000_000];
        Random.Shared.NextBytes(bytes);

        var call = await Jobs.Remote.Reverse.SpawnAsync(bytes, Limit);

        var result = await call.GetAsync(cancellationToken: Limit);
        Array.Reverse(bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(result));
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancel_Running_StopsTheRemoteWorkAndTheNextWorks(bool terminate)
    {
        var call = await Jobs.Remote.SlowSquare.SpawnAsync(3, 60_000, Limit);
        while ((await call.GetStatusAsync(Limit)).Running == 0)
        {
            await Task.Delay(20, Limit);
        }

        await call.CancelAsync(terminate, Limit);

        await Assert.ThrowsAsync<OperationCanceledException>(() => call.GetAsync(cancellationToken: Limit));
        Assert.Equal(FunctionCallState.Cancelled, (await call.GetStatusAsync(Limit)).State);
        Assert.Equal(4, await Jobs.Remote.SlowSquare.CallAsync(2, 1, Limit));
    }

    [Fact(Timeout = 60_000)]
    public async Task Spawn_Throws_GetThrowsWhatTheCodeThrew()
    {
        var call = await Trouble.Remote.Throw.SpawnAsync(-1, Limit);

        var error = await Assert.ThrowsAsync<RemoteException>(() => call.GetAsync(cancellationToken: Limit));

        Assert.Contains("it went wrong", error.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Get_UnknownCall_IsNotFound() => await Assert.ThrowsAsync<NotFoundException>(() => FunctionCall.FromId<int>("fc-0000000000000000000000").GetAsync(cancellationToken: Limit));

    [Fact(Timeout = 120_000)]
    public async Task Spawn_ProgramLeaves_AnotherReadsTheResult()
    {
        using var client = new ClientProcess(DaemonFixture.StateDirectory, "spawn", "12", "3000");
        Assert.Equal(0, await client.ExitAsync(TimeSpan.FromSeconds(30)));

        Assert.Equal(144, await FunctionCall.FromId<int>(client.Out.Trim()).GetAsync(cancellationToken: Limit));
    }

    [Fact(Timeout = 180_000)]
    public async Task Spawn_ClientAndDaemonAreKilled_EveryResultIsThereOnce()
    {
        var (state, socket) = TestState.Create("detached");
        try
        {
            string id;
            using (var client = new ClientProcess(state, "spawn-map", "300", "20"))
            {
                await client.FirstLine.WaitAsync(TimeSpan.FromSeconds(60), Limit);
                id = client.Out.Trim();
                using var server = new ServerClient(socket);
                var pid = await server.DaemonPidAsync();
                client.Kill();
                // Some are done, some run, some wait.
                await Task.Delay(1000, Limit);
                Signal.Send(pid, Signal.Kill);
            }

            // The next client starts a daemon, which goes on with what the killed one left.
            using var reader = new ClientProcess(state, "get-map", "0", "0", id);
            Assert.Equal(0, await reader.ExitAsync(TimeSpan.FromSeconds(100)));
            Assert.Equal(string.Concat(Enumerable.Range(0, 300).Select(i => $"{i * i}\n")), reader.Out);
        }
        finally
        {
            await TestState.StopAsync(state);
        }
    }
}
