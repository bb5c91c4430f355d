using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>What happens when somebody is silent for a while: the server's clock is turned by hand.</summary>
public sealed class LossTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task ClientGone_AfterTheGraceTime_ItsContainerIsStopped()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await using (var calls = await client.CallAsync())
        {
            await calls.PutAsync(1);
            await calls.ResultsAsync(1);
        }

        await client.KillAsync();

        var stop = await TurnClockUntilAsync(worker.Messages.FirstAsync("StopContainer", m => m.Stop), worker);
        Assert.Contains("client is gone", stop.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientGone_ComesBackInTime_ItsAppGoesOn()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server);
        await client.KillAsync();

        await using var again = await FakeClient.OpenAsync(server, appId: client.AppId);
        for (var i = 0; i < 8; i++)
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            await worker.ReportAsync();
        }

        await using var calls = await again.CallAsync();
        await calls.PutAsync(1);

        Assert.Equal(0, FakeWorker.ValueOf(Assert.Single(await calls.ResultsAsync(1)).Value));
    }

    [Fact]
    public async Task Worker_SilentForThreeHeartbeats_ItsInputsRunElsewhere()
    {
        await using var silent = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await calls.PutAsync(3);
        await silent.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        await using var other = await FakeWorker.ConnectAsync(server);

        var results = await TurnClockUntilAsync(calls.ResultsAsync(3), other);

        Assert.Equal(3, results.Select(r => r.Index).Distinct().Count());
    }

    [Fact]
    public async Task Worker_ConnectsAgain_ItsOldSessionEnds()
    {
        await using var old = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => []);
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1, start: 3);
        await old.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);

        await using var again = await FakeWorker.ConnectAsync(server, register: new RegisterWorker
        {
            WorkerId = old.WorkerId,
            ProtocolRevision = ProtocolRevision.Current,
            CpuCores = 4,
            MemoryMib = 16_384,
            Sandbox = "fake",
        });

        Assert.Equal(9, FakeWorker.ValueOf(Assert.Single(await calls.ResultsAsync(1)).Value));
        await old.Messages.EndedAsync();
        Assert.Single((await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Workers, w => w.WorkerId == old.WorkerId);
    }

    [Fact]
    public async Task Put_MoreThanAnyWorkerHas_FailsWithWhatIsMissing()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, f => f.Resources = new Resources { CpuCores = 64 });
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);
        var stats = await calls.Events.FirstAsync("a reason to wait", e => e.Stats is { WaitingReason.Length: > 0 } s ? s : null);

        var result = Assert.Single(await TurnClockUntilAsync(calls.ResultsAsync(1), worker));

        Assert.Equal("no worker has 64 cores; the largest has 4", stats.WaitingReason);
        Assert.Equal(FailureKind.NoCapacity, result.Failure.Kind);
        Assert.Contains(stats.WaitingReason, result.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Container_IdleForTheWindow_IsStopped()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, f => f.ScaledownWindowMs = 20_000);
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);
        await calls.ResultsAsync(1);

        var stop = await TurnClockUntilAsync(worker.Messages.FirstAsync("StopContainer", m => m.Stop), worker);

        Assert.Equal("idle for 20 s", stop.Reason);
    }

    // What a test waits for may need several timers in turn, each set only when the one before it rang.
    private async Task<T> TurnClockUntilAsync<T>(Task<T> awaited, FakeWorker alive)
    {
        while (!awaited.IsCompleted)
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            await alive.ReportAsync();
        }

        return await awaited;
    }
}
