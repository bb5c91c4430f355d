using Modal.Backend.ControlPlane.Placing;
using Xunit;
using static Modal.Backend.ControlPlane.Tests.Placing.PlacementTests;

namespace Modal.Backend.ControlPlane.Tests.Placing;

/// <summary>Who is served first, who has to make room, and who waits no longer.</summary>
public sealed class PriorityTests
{
    private static readonly ResourceNeed s_one = new(1, 512, "");
    private readonly Placement _placement = new();

    [Fact]
    public void Handle_AppsAndFunctionsUnderContention_GetEqualShares()
    {
        _placement.AddWorker(Worker("wk-1", 12, 100_000), 0);

        // One app asks for much before the others come, with two functions of its own.
        var greedy = Enumerable.Range(0, 12).Select(i => Asked($"ta-a{i}", s_one, i % 2 == 0 ? "fn-a1" : "fn-a2", "ap-a"));
        var modest = Enumerable.Range(0, 12).Select(i => Asked($"ta-b{i}", s_one, "fn-b", "ap-b"));
        var late = Enumerable.Range(0, 12).Select(i => Asked($"ta-c{i}", s_one, "fn-c", "ap-c"));
        var placed = _placement.Handle([.. greedy, .. modest, .. late], 0).OfType<PlacementEvent.Placed>().CountBy(p => p.FunctionId).ToDictionary();

        Assert.Equal((2, 2, 4, 4), (placed["fn-a1"], placed["fn-a2"], placed["fn-b"], placed["fn-c"]));
    }

    [Fact]
    public void Release_AppThatHasLess_GetsTheRoomThoughItCameLater()
    {
        _placement.AddWorker(Worker("wk-1", 4, 100_000), 0);
        _placement.Handle([.. Enumerable.Range(0, 8).Select(i => Asked($"ta-a{i}", s_one, "fn-a", "ap-a"))], 0);
        _placement.Handle([.. Enumerable.Range(0, 8).Select(i => Asked($"ta-b{i}", s_one, "fn-b", "ap-b"))], 1);

        string[] next = [Next("ta-a0"), Next("ta-a1"), Next("ta-a2")];

        Assert.Equal(["fn-b", "fn-b", "fn-a"], next);

        string Next(string released) => Assert.Single(_placement.Handle([Given(released)], 2).OfType<PlacementEvent.Placed>()).FunctionId;
    }

    [Fact]
    public void Handle_HigherPriorityInTheSameBatch_GoesFirst()
    {
        _placement.AddWorker(Worker("wk-1", 1), 0);

        var events = _placement.Handle([Asked("ta-low", s_one), Asked("ta-high", s_one with { Priority = 3 }, "fn-2", "ap-2")], 0);

        Assert.Equal("ta-high", Assert.Single(events.OfType<PlacementEvent.Placed>()).ContainerId);
    }

    [Fact]
    public void Wake_LargeOneThatSmallOnesPass_GetsAWorkerToItselfInTheEnd()
    {
        _placement.AddWorker(Worker("wk-1", 4, 100_000), 0);
        _placement.AddWorker(Worker("wk-2", 4, 100_000), 0);
        var running = new Queue<string>();
        var small = 0;
        for (; small < 8; small++)
        {
            Run($"ta-{small}", 0);
        }

        _placement.Handle([Asked("ta-large", new ResourceNeed(4, 512, ""), "fn-large", "ap-large")], 0);

        // One ends and one comes every second, for ever.
        var placedAt = -1L;
        for (var now = 1_000L; now < 60_000 && placedAt < 0; now += 1_000, small++)
        {
            var events = _placement.Wake(now).Concat(_placement.Handle([Given(running.Dequeue()), Asked($"ta-{small}", s_one)], now)).OfType<PlacementEvent.Placed>().ToList();
            events.Where(p => p.FunctionId == "fn-1").ToList().ForEach(p => running.Enqueue(p.ContainerId));
            placedAt = events.Exists(p => p.ContainerId == "ta-large") ? now : -1;
            PlacementChecks.Check(_placement);
        }

        Assert.InRange(placedAt, Placement.StarvationMs, Placement.StarvationMs + 10_000);

        void Run(string container, long now)
        {
            Assert.IsType<PlacementEvent.Placed>(Assert.Single(_placement.Handle([Asked(container, s_one)], now)));
            running.Enqueue(container);
        }
    }

    [Fact]
    public void Handle_HigherPriorityWithoutRoom_EvictsTheFewestOfTheLowestAndKeepsTheirRoom()
    {
        FillWith("wk-1", 4, [s_one with { Priority = 1 }, s_one with { Priority = 1 }, s_one with { Priority = 1 }, s_one with { Priority = 1 }]);
        FillWith("wk-2", 4, [new ResourceNeed(2, 512, ""), s_one, s_one]);

        var events = _placement.Handle([Asked("ta-high", new ResourceNeed(2, 512, "") { Priority = 5 }, "fn-high", "ap-high")], 1);

        var preempted = Assert.Single(events.OfType<PlacementEvent.Preempt>());
        Assert.Equal("ta-wk-2-0", preempted.ContainerId);
        Assert.True(_placement.BeginEviction("ta-wk-2-0"));

        // Who comes meanwhile does not get the room.
        Assert.IsType<PlacementEvent.Waiting>(Assert.Single(_placement.Handle([Asked("ta-late", s_one)], 2)));
        var released = _placement.Handle([Given("ta-wk-2-0"), Asked("ta-again", new ResourceNeed(2, 512, ""))], 3);
        Assert.Equal("ta-high", Assert.Single(released.OfType<PlacementEvent.Placed>()).ContainerId);
        PlacementChecks.Check(_placement);
    }

    [Fact]
    public void Handle_EqualPriorityOrNonpreemptible_IsNotEvicted()
    {
        FillWith("wk-1", 2, [s_one with { Nonpreemptible = true }, s_one with { Priority = 5 }]);

        Assert.IsType<PlacementEvent.Waiting>(Assert.Single(_placement.Handle([Asked("ta-high", s_one with { Priority = 5 }, "fn-2")], 1)));
        Assert.DoesNotContain(_placement.Wake(2_000), e => e is PlacementEvent.Preempt);
    }

    [Fact]
    public void Handle_SeveralOfHigherPriority_EvictOneEach()
    {
        FillWith("wk-1", 2, [s_one, s_one]);
        FillWith("wk-2", 2, [s_one, s_one]);

        var events = _placement.Handle([Asked("ta-h1", s_one with { Priority = 1 }, "fn-2"), Asked("ta-h2", s_one with { Priority = 1 }, "fn-2")], 1);

        Assert.Equal(2, events.OfType<PlacementEvent.Preempt>().Select(p => p.ContainerId).Distinct().Count());
    }

    [Fact]
    public void Handle_PreemptorWithdrawnBeforeTheEvictionBegan_CallsItOff()
    {
        FillWith("wk-1", 1, [s_one]);
        Assert.Single(_placement.Handle([Asked("ta-high", s_one with { Priority = 1 }, "fn-2")], 1).OfType<PlacementEvent.Preempt>());

        _placement.Handle([Given("ta-high")], 2);

        Assert.False(_placement.BeginEviction("ta-wk-1-0"));
        Assert.Single(_placement.Handle([Asked("ta-high2", s_one with { Priority = 1 }, "fn-2")], 3).OfType<PlacementEvent.Preempt>());
    }

    [Fact]
    public void Handle_PreemptorWithdrawnAfterTheEvictionBegan_TheRoomIsForAll()
    {
        FillWith("wk-1", 1, [s_one]);
        _placement.Handle([Asked("ta-high", s_one with { Priority = 1 }, "fn-2")], 1);
        Assert.True(_placement.BeginEviction("ta-wk-1-0"));
        _placement.Handle([Asked("ta-low", s_one), Given("ta-high")], 2);

        Assert.Equal("ta-low", Assert.IsType<PlacementEvent.Placed>(Assert.Single(_placement.Handle([Given("ta-wk-1-0")], 3))).ContainerId);
    }

    // Each worker has a region of its own, by which it is chosen.
    private void FillWith(string worker, double cores, ResourceNeed[] needs)
    {
        _placement.AddWorker(Worker(worker, cores) with { Region = worker }, 0);
        var events = _placement.Handle([.. needs.Select((n, i) => Asked($"ta-{worker}-{i}", n with { Regions = [worker] }))], 0);
        Assert.Equal(needs.Length, events.OfType<PlacementEvent.Placed>().Count());
    }
}
