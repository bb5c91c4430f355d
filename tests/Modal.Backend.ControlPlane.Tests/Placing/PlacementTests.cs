using Modal.Backend.ControlPlane.Placing;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Placing;

public sealed class PlacementTests
{
    [Fact]
    public void Place_RandomRequests_NeverOverCommitsAndGivesBackAll()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var placement = new Placement();
            var placed = new Dictionary<string, string>();
            var events = new List<PlacementEvent>();
            for (var step = 0; step < 200; step++)
            {
                IReadOnlyList<PlacementEvent> happened = random.Next(5) switch
                {
                    0 => placement.AddWorker($"wk-{random.Next(4)}-{step}", random.Next(1, 9), random.Next(512, 8192), step),
                    1 when placed.Count > 0 => Release(placed.Keys.ElementAt(random.Next(placed.Count))),
                    _ => placement.Request("fn-1", $"ta-{step}", new ResourceNeed(random.Next(1, 30) / 8.0, random.Next(64, 2048), ""), step),
                };
                foreach (var one in happened.OfType<PlacementEvent.Placed>())
                {
                    placed.Add(one.ContainerId, one.WorkerSession);
                }

                Assert.All(placement.Workers, w => Assert.True(w.CpuCoresUsed <= w.CpuCores + 0.001 && w.MemoryMiBUsed <= w.MemoryMiB, $"seed {seed}, step {step}"));
                events.AddRange(happened);

                IReadOnlyList<PlacementEvent> Release(string container)
                {
                    placed.Remove(container);
                    return placement.Release(container, step);
                }
            }

            for (var container = 0; container < 200; container++)
            {
                placement.Release($"ta-{container}", 1000);
            }

            Assert.All(placement.Workers, w => Assert.Equal((0, 0L), (w.CpuCoresUsed, w.MemoryMiBUsed)));
        }
    }

    [Fact]
    public void Request_MoreThanAnyWorkerHas_IsGivenUpWithAReasonAfterTheGrace()
    {
        var placement = new Placement();
        placement.AddWorker("wk-1", 2, 4096, 0);

        var waiting = Assert.IsType<PlacementEvent.Waiting>(Assert.Single(placement.Request("fn-1", "ta-1", new ResourceNeed(64, 128, ""), 0)));
        Assert.Equal("no worker has 64 cores; the largest has 2", waiting.Reason);
        Assert.Equal(Placement.GraceMs, placement.NextWake());

        Assert.IsType<PlacementEvent.Impossible>(Assert.Single(placement.Wake(Placement.GraceMs)));
        Assert.Equal(0, placement.Waiting);
    }

    [Fact]
    public void Release_FullWorker_PlacesWhoWaits()
    {
        var placement = new Placement();
        placement.AddWorker("wk-1", 1, 1024, 0);
        placement.Request("fn-1", "ta-1", new ResourceNeed(1, 512, ""), 0);
        Assert.IsType<PlacementEvent.Waiting>(Assert.Single(placement.Request("fn-1", "ta-2", new ResourceNeed(1, 512, ""), 1)));

        var placed = Assert.IsType<PlacementEvent.Placed>(Assert.Single(placement.Release("ta-1", 2)));

        Assert.Equal("ta-2", placed.ContainerId);
    }
}
