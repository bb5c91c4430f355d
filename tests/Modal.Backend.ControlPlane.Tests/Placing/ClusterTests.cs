using Modal.Backend.ControlPlane.Placing;
using Xunit;
using static Modal.Backend.ControlPlane.Tests.Placing.PlacementTests;

namespace Modal.Backend.ControlPlane.Tests.Placing;

/// <summary>Containers that are placed together or not at all.</summary>
public sealed class ClusterTests
{
    private static readonly ResourceNeed s_gpu = new(1, 512, "H100:8");
    private readonly Placement _placement = new();

    [Fact]
    public void Handle_LastMemberArrives_AllArePlacedAtOnce()
    {
        AddGpuWorkers("wk", "", 4);

        Assert.Empty(_placement.Handle([.. Cluster("c", 4, s_gpu).Take(3)], 0));
        var placed = _placement.Handle([Cluster("c", 4, s_gpu)[3]], 1).OfType<PlacementEvent.Placed>().ToList();

        Assert.Equal(4, placed.Count);
        Assert.Equal(4, placed.Select(p => p.WorkerSession).Distinct().Count());
        Assert.Equal(32, placed.SelectMany(p => p.Gpus).Distinct().Count());
    }

    [Fact]
    public void Handle_NoRoomForAll_NoneIsPlacedUntilThereIs()
    {
        AddGpuWorkers("wk", "", 2);
        _placement.Handle([Asked("ta-1", s_gpu)], 0);

        Assert.DoesNotContain(_placement.Handle(Cluster("c", 2, s_gpu), 1), e => e is PlacementEvent.Placed);
        Assert.Equal(2, _placement.Waiting);
        Assert.Equal(2, _placement.Handle([Given("ta-1")], 500).OfType<PlacementEvent.Placed>().Count());
        PlacementChecks.Check(_placement);
    }

    [Fact]
    public void Handle_RoomCameWhileNobodyLooked_IsFoundByTheNextWake()
    {
        AddGpuWorkers("wk", "", 2);
        _placement.Handle([Asked("ta-1", s_gpu)], 0);
        _placement.Handle(Cluster("c", 2, s_gpu), 1);

        // Within the pause between two searches.
        Assert.Empty(_placement.Handle([Given("ta-1")], 2));
        Assert.InRange(_placement.NextWake()!.Value, 2, 200);
        Assert.Equal(2, _placement.Wake(_placement.NextWake()!.Value).OfType<PlacementEvent.Placed>().Count());
    }

    [Fact]
    public void Handle_RegionWithRoomForAll_IsPreferred()
    {
        AddGpuWorkers("wk-a", "a", 1);
        AddGpuWorkers("wk-b", "b", 2);
        AddGpuWorkers("wk-c", "c", 1);

        var placed = _placement.Handle(Cluster("c", 2, s_gpu), 0).OfType<PlacementEvent.Placed>();

        Assert.Equal(["wk-b-0", "wk-b-1"], placed.Select(p => p.WorkerSession).Order());
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 4)]
    public void Handle_SmallMembers_ShareAWorkerUnlessTheyAreSpread(bool spread, int workers)
    {
        AddGpuWorkers("wk", "", 4);

        var placed = _placement.Handle(Cluster("c", 4, new ResourceNeed(1, 64, "H100:2") { Spread = spread }), 0).OfType<PlacementEvent.Placed>();

        Assert.Equal(workers, placed.Select(p => p.WorkerSession).Distinct().Count());
    }

    [Fact]
    public void Handle_MemberWithdrawn_TheOthersWaitForAnother()
    {
        AddGpuWorkers("wk", "", 2);
        _placement.Handle([Asked("ta-1", s_gpu)], 0);
        var members = Cluster("c", 2, s_gpu);
        _placement.Handle(members, 0);
        _placement.Handle([Given(members[0].ContainerId), Given("ta-1")], 500);
        Assert.Empty(_placement.Placed);

        var placed = _placement.Handle([members[0] with { ContainerId = "ta-new" }], 1_000).OfType<PlacementEvent.Placed>();

        Assert.Equal(["ta-c-1", "ta-new"], placed.Select(p => p.ContainerId).Order());
    }

    [Fact]
    public void Wake_ClusterThatSinglesPass_GetsWorkersToItselfInTheEnd()
    {
        AddGpuWorkers("wk", "", 2);
        var running = new Queue<string>(["ta-s0", "ta-s1"]);
        _placement.Handle([Asked("ta-s0", s_gpu), Asked("ta-s1", s_gpu)], 0);
        _placement.Handle(Cluster("c", 2, s_gpu), 0);

        var placed = 0;
        for (var (i, now) = (2, 1_000L); now < 60_000 && placed == 0; now += 1_000, i++)
        {
            PoolRequest[] batch = running.TryDequeue(out var ends) ? [Given(ends), Asked($"ta-s{i}", s_gpu, "fn-s", $"ap-{i}")] : [];
            var events = _placement.Handle(batch, now).Concat(_placement.Wake(now)).OfType<PlacementEvent.Placed>().ToList();
            events.Where(p => p.FunctionId == "fn-s").ToList().ForEach(p => running.Enqueue(p.ContainerId));
            placed = events.Count(p => p.FunctionId == "fn-1");
            PlacementChecks.Check(_placement);
        }

        Assert.Equal(2, placed);
    }

    private static PoolRequest[] Cluster(string id, int size, ResourceNeed need) =>
        [.. Enumerable.Range(0, size).Select(i => Asked($"ta-{id}-{i}", need) with { ClusterId = id, ClusterSize = size })];

    private void AddGpuWorkers(string name, string region, int count)
    {
        for (var i = 0; i < count; i++)
        {
            _placement.AddWorker(Worker($"{name}-{i}", 16) with { Region = region, Gpus = [.. Enumerable.Range(0, 8).Select(g => new GpuDevice($"GPU-{name}-{i}-{g}", "H100"))] }, 0);
        }
    }
}
