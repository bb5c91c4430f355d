using Modal.Backend.ControlPlane.Placing;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Placing;

public sealed class PlacementTests
{
    private readonly Placement _placement = new();

    [Fact]
    public void Request_MoreThanAnyWorkerHas_IsGivenUpWithAReasonAfterTheGrace()
    {
        _placement.AddWorker(Worker("wk-1"), 0);

        var waiting = Assert.IsType<PlacementEvent.Waiting>(Assert.Single(Request("ta-1", new ResourceNeed(64, 128, ""))));
        Assert.Equal("no worker has 64 cores; the largest has 2", waiting.Reason);
        Assert.Equal(Placement.GraceMs, _placement.NextWake());

        Assert.IsType<PlacementEvent.Impossible>(Assert.Single(_placement.Wake(Placement.GraceMs)));
        Assert.Equal(0, _placement.Waiting);
    }

    [Fact]
    public void RemoveWorker_OnlyOneThatCouldHold_TheGraceBeginsAnew()
    {
        _placement.AddWorker(Worker("wk-1"), 0);
        Request("ta-1", new ResourceNeed(2, 512, ""));
        Request("ta-2", new ResourceNeed(2, 512, ""));

        var waiting = Assert.IsType<PlacementEvent.Waiting>(Assert.Single(_placement.RemoveWorker("wk-1", 50_000)));
        Assert.Equal("no worker is connected", waiting.Reason);
        Assert.Empty(_placement.Wake(59_999));
        Assert.IsType<PlacementEvent.Impossible>(Assert.Single(_placement.Wake(60_000)));
    }

    [Fact]
    public void Release_FullWorker_PlacesWhoWaits()
    {
        _placement.AddWorker(Worker("wk-1", 1), 0);
        Request("ta-1", new ResourceNeed(1, 512, ""));
        Assert.Equal("all workers are full", Assert.IsType<PlacementEvent.Waiting>(Assert.Single(Request("ta-2", new ResourceNeed(1, 512, "")))).Reason);

        Assert.Equal("ta-2", Assert.IsType<PlacementEvent.Placed>(Assert.Single(Release("ta-1"))).ContainerId);
    }

    [Fact]
    public void Handle_RequestedAndGivenBackInOneBatch_IsNotPlaced()
    {
        _placement.AddWorker(Worker("wk-1"), 0);

        Assert.Empty(_placement.Handle([Asked("ta-1", new ResourceNeed(1, 512, "")), Given("ta-1")], 0));
        Assert.Empty(_placement.Placed);
        Assert.Equal(0, _placement.Waiting);
    }

    [Fact]
    public void Handle_SameBatchTwice_ChangesNothing()
    {
        _placement.AddWorker(Worker("wk-1"), 0);
        PoolRequest[] batch = [Asked("ta-1", new ResourceNeed(1, 512, "")), Asked("ta-2", new ResourceNeed(2, 512, ""))];
        Assert.Equal(2, _placement.Handle(batch, 0).Count);

        Assert.Empty(_placement.Handle(batch, 1));
        Assert.Equal((1, 1), (_placement.Placed.Count, _placement.Waiting));
    }

    [Theory]
    [InlineData("H100", "wk-h100", "GPU-h0")]
    [InlineData("A100:2", "wk-a100", "GPU-a0,GPU-a1")]
    [InlineData("T4, A100-80GB", "wk-a100", "GPU-a0")]
    [InlineData("H100:2, any:4", "wk-a100", "GPU-a0,GPU-a1,GPU-a2,GPU-a3")]
    [InlineData("", "wk-none", "")]
    public void Request_Gpus_AreThoseOfTheFirstAlternativeThatHasRoom(string gpu, string worker, string uuids)
    {
        AddGpuWorkers();

        var placed = Assert.IsType<PlacementEvent.Placed>(Assert.Single(Request("ta-1", new ResourceNeed(1, 512, gpu))));

        Assert.Equal((worker, uuids), (placed.WorkerSession, string.Join(',', placed.Gpus)));
    }

    [Fact]
    public void Request_GpusTaken_WaitsAndGetsThoseGivenBack()
    {
        AddGpuWorkers();
        Request("ta-1", new ResourceNeed(1, 512, "H100"));
        Assert.Equal("all workers with the GPU H100 are full", Assert.IsType<PlacementEvent.Waiting>(Assert.Single(Request("ta-2", new ResourceNeed(1, 512, "H100")))).Reason);

        Assert.Equal(["GPU-h0"], Assert.IsType<PlacementEvent.Placed>(Assert.Single(Release("ta-1"))).Gpus);
    }

    [Fact]
    public void Request_NoSuchWorker_TheReasonSaysWhatThereIs()
    {
        AddGpuWorkers();

        Assert.Equal("no worker has the GPU B200; there are A100-80GB, H100", Reason(new ResourceNeed(1, 512, "B200")));
        Assert.Equal("no worker has the GPUs A100:8; the largest has 4", Reason(new ResourceNeed(1, 512, "A100:8")));
        Assert.Equal("there is no pool 'fast'; there is default", Reason(new ResourceNeed(1, 512, "") { Pool = "fast" }));
        Assert.Equal("no worker is in us-east or us-west; there are eu-west, workers without a region", Reason(new ResourceNeed(1, 512, "") { Regions = ["us-east", "us-west"] }));
        Assert.Equal("no worker has 10 MiB of disk; the largest has 0", Reason(new ResourceNeed(1, 512, "") { DiskMiB = 10 }));
        Assert.Equal("no worker in eu-west has 65536 MiB of memory; the largest has 4096", Reason(new ResourceNeed(1, 65536, "") { Regions = ["eu-west"] }));
    }

    [Fact]
    public void Request_PoolAndRegion_AreObeyed()
    {
        _placement.AddWorker(Worker("wk-1"), 0);
        _placement.AddWorker(Worker("wk-2") with { Pool = "fast" }, 0);
        _placement.AddWorker(Worker("wk-3") with { Region = "eu" }, 0);

        Assert.Equal("wk-2", PlacedOn(new ResourceNeed(1, 512, "") { Pool = "fast" }));
        Assert.Equal("wk-3", PlacedOn(new ResourceNeed(1, 512, "") { Regions = ["us", "eu"] }));
    }

    [Fact]
    public void Request_Spread_GoesToDifferentWorkersAndElseToOne()
    {
        for (var i = 0; i < 4; i++)
        {
            _placement.AddWorker(Worker($"wk-{i}", 16), 0);
        }

        var spread = new ResourceNeed(1, 64, "") { Spread = true };
        var packed = new ResourceNeed(0.1, 64, "");
        Assert.Equal(["wk-0", "wk-1", "wk-2", "wk-3"], Enumerable.Range(0, 4).Select(_ => PlacedOn(spread)).Order());
        Assert.Single(Enumerable.Range(0, 4).Select(_ => PlacedOn(packed, function: "fn-2")).Distinct());
    }

    [Fact]
    public void Request_LocalContent_SnapshotBeforeImageBeforeCode()
    {
        for (var i = 0; i < 100; i++)
        {
            _placement.AddWorker(Worker($"wk-{i:00}", 16), 0);
        }

        var need = new ResourceNeed(1, 64, "") { LocalKeys = ["code:1", "image:1", "snapshot:1"] };
        _placement.UpdateHoldings("wk-17", ["code:1"], []);
        Assert.Equal("wk-17", PlacedOn(need));
        _placement.UpdateHoldings("wk-31", ["image:1"], []);
        Assert.Equal("wk-31", PlacedOn(need));
        _placement.UpdateHoldings("wk-64", ["snapshot:1"], []);
        Assert.Equal("wk-64", PlacedOn(need));
        _placement.UpdateHoldings("wk-64", [], ["snapshot:1"]);
        Assert.Equal("wk-31", PlacedOn(need));
    }

    [Fact]
    public void Request_ManyStartsOnOneWorker_GoesToAnotherInSpiteOfItsImage()
    {
        _placement.AddWorker(Worker("wk-1", 4), 0);
        _placement.AddWorker(Worker("wk-2", 4), 0);
        _placement.UpdateHoldings("wk-1", ["image:1"], []);
        var need = new ResourceNeed(0.1, 64, "") { LocalKeys = ["image:1"] };
        Assert.Equal("wk-1", PlacedOn(need));

        _placement.ReportStarting("wk-1", 40);
        Assert.Equal("wk-2", PlacedOn(need));
        _placement.ReportStarting("wk-1", 0);
        Assert.Equal("wk-1", PlacedOn(need));
    }

    [Fact]
    public void Drain_Worker_TellsItsFunctionsAndTakesNothingNew()
    {
        _placement.AddWorker(Worker("wk-1"), 0);
        Request("ta-1", new ResourceNeed(1, 512, ""));

        Assert.Equal(new PlacementEvent.Drained("fn-1", "ta-1"), Assert.Single(_placement.Drain("wk-1", 1)));
        Assert.IsType<PlacementEvent.Waiting>(Assert.Single(Request("ta-2", new ResourceNeed(1, 512, ""))));
        Assert.Equal("wk-2", Assert.IsType<PlacementEvent.Placed>(Assert.Single(_placement.AddWorker(Worker("wk-2"), 2))).WorkerSession);
    }

    [Fact]
    public void Request_OverTheQuota_WaitsWithItsNameUntilSomethingIsGivenBack()
    {
        var placement = new Placement(new QuotaOptions { MaxContainers = 2, MaxCpuCores = 2.5, MaxMemoryMiB = 4000, MaxGpus = 1 });
        placement.AddWorker(Worker("wk-1", 64) with { Gpus = [new GpuDevice("GPU-1", "T4"), new GpuDevice("GPU-2", "T4")] }, 0);

        Assert.Equal("the workspace's quota of 2.5 cores (MaxCpuCores) leaves no room", Wait(new ResourceNeed(3, 64, "")));
        Assert.Equal("the workspace's quota of 4000 MiB of memory (MaxMemoryMiB) leaves no room", Wait(new ResourceNeed(1, 4001, "")));
        Assert.Equal("the workspace's quota of 1 GPUs (MaxGpus) leaves no room", Wait(new ResourceNeed(1, 64, "T4:2")));
        placement.Handle([Asked("ta-1", new ResourceNeed(1, 64, "")), Asked("ta-2", new ResourceNeed(1, 64, ""))], 0);
        Assert.Equal("the workspace's quota of 2 containers (MaxContainers) leaves no room", Assert.IsType<PlacementEvent.Waiting>(Assert.Single(placement.Handle([Asked("ta-3", new ResourceNeed(1, 64, ""))], 0))).Reason);

        Assert.Equal("ta-3", Assert.IsType<PlacementEvent.Placed>(Assert.Single(placement.Handle([Given("ta-1")], 1))).ContainerId);
        PlacementChecks.Check(placement);

        string Wait(ResourceNeed need)
        {
            var waiting = Assert.IsType<PlacementEvent.Waiting>(Assert.Single(placement.Handle([Asked("ta-0", need)], 0)));
            placement.Handle([Given("ta-0")], 0);
            return waiting.Reason;
        }
    }

    [Fact]
    public void Handle_OneOfManyPlaced_TheOthersKeepTheirReason()
    {
        _placement.AddWorker(Worker("wk-1"), 0);

        var events = _placement.Handle([.. Enumerable.Range(0, 5).Select(i => Asked($"ta-{i}", new ResourceNeed(1, 512, "")))], 0);

        Assert.Equal(2, events.OfType<PlacementEvent.Placed>().Count());
        Assert.Equal("all workers are full", Assert.Single(events.OfType<PlacementEvent.Waiting>()).Reason);
        Assert.IsType<PlacementEvent.Waiting>(events[^1]);
    }

    internal static WorkerDescription Worker(string session, double cores = 2, long memoryMiB = 4096) => new(session, cores, memoryMiB);

    internal static PoolRequest Asked(string container, ResourceNeed need, string function = "fn-1", string app = "ap-1") => new(container, function, app, need);

    internal static PoolRequest Given(string container) => new(container, "fn-1", "", null);

    private IReadOnlyList<PlacementEvent> Request(string container, ResourceNeed need) => _placement.Handle([Asked(container, need)], 0);

    private IReadOnlyList<PlacementEvent> Release(string container) => _placement.Handle([Given(container)], 1);

    private string PlacedOn(ResourceNeed need, string function = "fn-1") =>
        Assert.IsType<PlacementEvent.Placed>(Assert.Single(_placement.Handle([Asked($"ta-{Guid.NewGuid()}", need, function)], 0))).WorkerSession;

    private string Reason(ResourceNeed need)
    {
        var waiting = Assert.IsType<PlacementEvent.Waiting>(Assert.Single(Request("ta-0", need)));
        Release("ta-0");
        return waiting.Reason;
    }

    private void AddGpuWorkers()
    {
        _placement.AddWorker(Worker("wk-a100", 8) with { Gpus = [.. Enumerable.Range(0, 4).Select(i => new GpuDevice($"GPU-a{i}", "A100-80GB"))] }, 0);
        _placement.AddWorker(Worker("wk-h100", 8) with { Gpus = [new GpuDevice("GPU-h0", "H100")] }, 0);
        _placement.AddWorker(Worker("wk-none") with { Region = "eu-west" }, 0);
    }
}
