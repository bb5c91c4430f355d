using System.Collections.Concurrent;
using Grpc.Core;
using Modal.Backend.Host.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Serving;

/// <summary>Functions whose containers take each input together.</summary>
public sealed class ClusterTests(TestServer server) : IClassFixture<TestServer>
{
    private readonly ConcurrentDictionary<string, int> _ranks = new();

    [Fact]
    public async Task Call_Cluster_StartsWhenAllHaveRoomAndGivesTheResultOfRankZero()
    {
        await using var one = await ConnectAsync("ranks");
        await using var client = await OpenAsync("ranks");
        await using var calls = await client.CallAsync();
        await calls.PutAsync(1, start: 7);
        await StatusAsync(s => s.Apps.SelectMany(a => a.Functions).Any(f => f.FunctionId == client.FunctionId && f.Stats.WaitingReason.Length > 0));
        Assert.Empty(_ranks);

        await using var other = await ConnectAsync("ranks");
        var results = calls.ResultsAsync(1);
        await AdvanceUntilAsync(results, one, other);
        var starts = new[] { await one.Messages.FirstAsync("StartContainer", m => m.Start), await other.Messages.FirstAsync("StartContainer", m => m.Start) };

        Assert.StartsWith(Id.Cluster, Assert.Single(starts.Select(s => s.ClusterId).Distinct()), StringComparison.Ordinal);
        Assert.Equal([0, 1], starts.Select(s => s.ClusterRank).Order());
        Assert.All(starts, s => Assert.Equal(2, s.ClusterSize));
        Assert.Equal(7 * 100, FakeWorker.ValueOf(Assert.Single(await results).Value));
    }

    [Fact]
    public async Task WorkerLost_WithOneContainer_TheOtherStopsAndANewClusterTakesTheInput()
    {
        await using var staying = await ConnectAsync("loss", w => w.OnDispatch = static _ => []);
        await using var client = await OpenAsync("loss");
        await using var calls = await client.CallAsync();
        await using (var dying = await ConnectAsync("loss", w => w.OnDispatch = static _ => []))
        {
            await calls.PutAsync(1, start: 7);
            await staying.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
            await dying.Messages.FirstAsync("DispatchInputs", m => m.Dispatch);
        }

        Assert.Contains("its cluster", (await staying.Messages.FirstAsync("StopContainer", m => m.Stop)).Reason, StringComparison.Ordinal);
        staying.OnDispatch = d => [Answer(d)];
        await using var other = await ConnectAsync("loss");

        var results = calls.ResultsAsync(1);
        await AdvanceUntilAsync(results, staying, other);

        Assert.Equal(7 * 100, FakeWorker.ValueOf(Assert.Single(await results).Value));
    }

    [Fact]
    public async Task RunApp_NoWholeClusters_NamesEveryFault()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => FakeClient.OpenAsync(server, f =>
        {
            (f.ClusterSize, f.BatchMaxSize) = (4, 2);
            (f.MinContainers, f.MaxContainers, f.BufferContainers) = (2, 5, 3);
        }));

        Assert.All(
            [
                "MinContainers is '2'; it must be a multiple of 4, the size of its clusters", "MaxContainers is '5'; it must be a multiple of 4", "BufferContainers is '3'; it must be a multiple of 4",
                "batch MaxSize is '2'; it must be 0 in clusters",
            ],
            fault => Assert.Contains(fault, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task UpdateAutoscaler_NoMultiple_ChangesNothing()
    {
        await using var client = await OpenAsync("update");

        var error = await Assert.ThrowsAsync<RpcException>(() => client.UpdateAutoscalerAsync(new ScalingSettings { MaxContainers = 5 }));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("each must be a multiple of 2, the size of the function's clusters", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(2, (await client.UpdateAutoscalerAsync(new ScalingSettings())).MaxContainers);
    }

    // Room for clusters is looked for ten times a second. Workers that are silent meanwhile would be lost, and what has no room for ten seconds would be given up.
    private async Task AdvanceUntilAsync(Task done, params FakeWorker[] workers)
    {
        await StatusAsync(s => workers.All(w => s.Workers.Any(known => known.WorkerId == w.WorkerId)));
        for (var i = 0; i < 50 && !done.IsCompleted; i++)
        {
            server.Time.Advance(TimeSpan.FromMilliseconds(100));
            foreach (var worker in workers)
            {
                await worker.ReportAsync();
            }
        }

        await done;
    }

    private async Task StatusAsync(Func<StatusReply, bool> wanted)
    {
        var client = server.Client();
        StatusReply status;
        do
        {
            status = await client.GetStatusAsync(new StatusRequest(), cancellationToken: TestContext.Current.CancellationToken);
        }
        while (!wanted(status));
    }

    // A worker has room for one container.
    private async Task<FakeWorker> ConnectAsync(string pool, Action<FakeWorker>? configure = null) => await FakeWorker.ConnectAsync(
        server,
        w =>
        {
            w.OnStart = start =>
            {
                _ranks[start.ContainerId] = start.ClusterRank;
                return new WorkerMessage { Ready = new ContainerReady { ContainerId = start.ContainerId } };
            };
            w.OnDispatch = d => [Answer(d)];
            configure?.Invoke(w);
        },
        new RegisterWorker { WorkerId = Id.New(Id.Worker), ProtocolRevision = ProtocolRevision.Current, CpuCores = 4, MemoryMib = 16_384, Sandbox = "fake", Pool = pool });

    private Task<FakeClient> OpenAsync(string pool) => FakeClient.OpenAsync(server, f =>
    {
        (f.Resources, f.Pool) = (new Resources { CpuCores = 4 }, pool);
        (f.ClusterSize, f.MaxContainers) = (2, 2);
    });

    // The argument times one hundred, and the rank.
    private WorkerMessage Answer(DispatchInputs dispatch)
    {
        var rank = _ranks[dispatch.ContainerId];
        var results = new AttemptResults { ContainerId = dispatch.ContainerId };
        results.Results.AddRange(dispatch.Attempts.Select(a => new AttemptResult { Input = a.Input, Attempt = a.Attempt_, Value = FakeWorker.PayloadOf((FakeWorker.ValueOf(a.Arguments) * 100) + rank), RunUs = 5 }));
        return new WorkerMessage { Results = results };
    }
}
