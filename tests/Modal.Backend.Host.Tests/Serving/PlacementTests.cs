using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>From what a function asks for to the worker that gets its container.</summary>
public sealed class PlacementTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task Start_FunctionWithGpus_CarriesTheUuidsOfItsOwn()
    {
        await using var plain = await FakeWorker.ConnectAsync(server);
        await using var worker = await FakeWorker.ConnectAsync(server, register: WithGpus("H100", "H100", "T4"));
        await using var client = await FakeClient.OpenAsync(server, f => f.Resources = new Resources { Gpu = "H100:2, any" });
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);

        var start = await worker.Messages.FirstAsync("StartContainer", m => m.Start);
        await calls.ResultsAsync(1);

        Assert.Equal([$"GPU-{worker.WorkerId}-0", $"GPU-{worker.WorkerId}-1"], start.Gpus);
        var status = (await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Workers.Single(w => w.WorkerId == worker.WorkerId);
        Assert.Equal((3, 2, "default", "eu-west"), (status.Gpus.Count, status.GpusUsed, status.Pool, status.Region));
    }

    [Fact]
    public async Task Start_CodeIsLocalOnOneWorker_GoesThere()
    {
        await using var first = await FakeWorker.ConnectAsync(server, register: Register("local", WorkerName('a')));
        await using var second = await FakeWorker.ConnectAsync(server, register: Register("local", WorkerName('b')));
        await using var third = await FakeWorker.ConnectAsync(server, register: Register("local", WorkerName('c')));
        await second.SendAsync(new WorkerMessage { Holdings = new WorkerHoldings { Added = { LocalKeys.Code(new string('0', 64)) } } });
        await second.ReportAsync();
        await using var client = await FakeClient.OpenAsync(server, f => f.Pool = "local");
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);

        await second.Messages.FirstAsync("StartContainer", m => m.Start);
        await calls.ResultsAsync(1);
    }

    [Fact]
    public async Task Draining_WorkerWithABusyContainer_ItsInputRunsElsewhereAndNothingNewComes()
    {
        await using var leaving = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = static _ => [], Register("drain"));
        await using var client = await FakeClient.OpenAsync(server, f => f.Pool = "drain");
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);
        await leaving.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        await using var other = await FakeWorker.ConnectAsync(server, register: Register("drain"));

        await leaving.SendAsync(new WorkerMessage { Draining = new WorkerDraining { Reason = "it was asked to stop" } });

        Assert.True((await leaving.Messages.FirstAsync("StopContainer", m => m.Stop)).GraceMs > 60_000);
        var result = Assert.Single(await calls.ResultsAsync(1));
        Assert.Equal((CallResult.OutcomeOneofCase.Value, 1), (result.OutcomeCase, result.Attempt));
        Assert.True((await server.Client().GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken)).Workers.Single(w => w.WorkerId == leaving.WorkerId).Draining);
    }

    [Fact]
    public async Task Priority_WorkerIsFull_TheLowerMakesRoomAndComesBackWithoutSpendingARetry()
    {
        var holds = true;
        await using var worker = await FakeWorker.ConnectAsync(server, w => w.OnDispatch = d => holds ? [] : [FakeWorker.SquareAll(d)], Register("priority"));
        await using var low = await FakeClient.OpenAsync(server, f => (f.Resources, f.Pool) = (new Resources { CpuCores = 4 }, "priority"));
        await using var lowCalls = await low.CallAsync();
        await lowCalls.PutAsync(1);
        await worker.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        Volatile.Write(ref holds, false);

        await using (var high = await FakeClient.OpenAsync(server, f => (f.Resources, f.Pool, f.Priority) = (new Resources { CpuCores = 4 }, "priority", 5)))
        await using (var highCalls = await high.CallAsync())
        {
            await highCalls.PutAsync(1);
            Assert.Contains("higher priority", (await worker.Messages.FirstAsync("StopContainer", m => m.Stop)).Reason, StringComparison.Ordinal);
            await highCalls.ResultsAsync(1);
            Assert.Empty(lowCalls.Results);
        }

        var result = Assert.Single(await lowCalls.ResultsAsync(1));
        Assert.Equal((CallResult.OutcomeOneofCase.Value, 1), (result.OutcomeCase, result.Attempt));
    }

    [Fact]
    public async Task WorkerLost_WhileAContainerStarts_ItIsPlacedAnew()
    {
        await using var client = await FakeClient.OpenAsync(server);
        await using var calls = await client.CallAsync();
        await using (var dying = await FakeWorker.ConnectAsync(server, w => w.OnStart = static _ => null))
        {
            await calls.PutAsync(1);
            await dying.Messages.FirstAsync("StartContainer", m => m.Start);
        }

        await using var other = await FakeWorker.ConnectAsync(server);

        Assert.Single(await calls.ResultsAsync(1));
    }

    [Fact]
    public async Task Waiting_NoSuchPool_IsGivenUpAndTheClientHearsWhatThereIs()
    {
        await using var worker = await FakeWorker.ConnectAsync(server);
        await using var client = await FakeClient.OpenAsync(server, f => f.Pool = "fast");
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1);

        var results = calls.ResultsAsync(1);
        while (!results.IsCompleted)
        {
            server.Time.Advance(TimeSpan.FromSeconds(1));
            await worker.ReportAsync();
        }

        var failure = Assert.Single(await results).Failure;
        Assert.Equal(FailureKind.NoCapacity, failure.Kind);
        Assert.Contains("there is no pool 'fast'; there ", failure.Message, StringComparison.Ordinal);
    }

    private static string WorkerName(char last) => Id.Worker + new string('0', 21) + last;

    // A pool for each test: what an earlier one leaves is not met.
    private static RegisterWorker Register(string pool, string? workerId = null) =>
        new() { WorkerId = workerId ?? Id.New(Id.Worker), ProtocolRevision = ProtocolRevision.Current, CpuCores = 4, MemoryMib = 16_384, Sandbox = "fake", Pool = pool };

    private static RegisterWorker WithGpus(params string[] gpus)
    {
        var register = Register("");
        register.Region = "eu-west";
        register.Gpus.AddRange(gpus.Select((g, i) => new WorkerGpu { Uuid = $"GPU-{register.WorkerId}-{i}", Model = g }));
        return register;
    }
}
