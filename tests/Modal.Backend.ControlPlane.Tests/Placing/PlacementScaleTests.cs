using Modal.Backend.ControlPlane.Placing;
using Xunit;
using static Modal.Backend.ControlPlane.Tests.Placing.PlacementTests;

namespace Modal.Backend.ControlPlane.Tests.Placing;

/// <summary>10,000 workers: what a decision costs is counted, not timed, so the outcome is the same on every machine.</summary>
public sealed class PlacementScaleTests
{
    private const int Workers = 10_000;

    [Fact]
    public void Handle_WithRoom_LooksAtSomeDozenWorkersAndNodes()
    {
        var (mean, worst) = Churn(requested: 20_000);

        Assert.InRange(mean, 1, 200);
        Assert.InRange(worst, 1, 4_000);
    }

    [Fact]
    public void Handle_AllWorkersFull_WaitingRequestsAreNotLookedForAgain()
    {
        var (mean, worst) = Churn(requested: 60_000);

        Assert.InRange(mean, 0, 200);
        Assert.InRange(worst, 1, 4 * Workers);
    }

    // Four small cores each: 40,000 cores, of which a container takes one on average.
    private static (double Mean, long Worst) Churn(int requested)
    {
        var random = new Random(1);
        var placement = new Placement(seed: 7);
        for (var i = 0; i < Workers; i++)
        {
            placement.AddWorker(
                Worker($"wk-{i:00000}", 4, 16_384) with { Region = $"r{i % 5}", Gpus = i % 25 < 5 ? [new GpuDevice($"GPU-{i}-0", i % 2 == 0 ? "T4" : "H100"), new GpuDevice($"GPU-{i}-1", i % 2 == 0 ? "T4" : "H100")] : [] }, 0);
            placement.UpdateHoldings($"wk-{i:00000}", [$"image:{i % 50}", $"code:{i % 500}"], []);
        }

        ResourceNeed[] needs = [.. Enumerable.Range(0, 200).Select(i => new ResourceNeed(0.25 * (1 << i % 4), 256 << i % 4, i % 10 == 0 ? "H100, T4" : "")
        {
            Regions = i % 4 == 1 ? ["r1", "r3"] : [],
            Spread = i % 10 == 3,
            LocalKeys = [$"code:{i}", $"image:{i % 50}"],
        })];
        var containers = new List<string>();
        var next = 0;
        for (; next < requested; next++)
        {
            placement.Handle([Ask(next)], 0);
            containers.Add($"ta-{next}");
        }

        var (sum, worst) = (0L, 0L);
        const int Steps = 5_000;
        for (var i = 0; i < Steps; i++, next++)
        {
            var at = random.Next(containers.Count);
            var before = placement.Looks;
            placement.Handle([Given(containers[at])], 1);
            placement.Handle([Ask(next)], 1);
            containers[at] = $"ta-{next}";
            var looks = placement.Looks - before;
            (sum, worst) = (sum + looks, Math.Max(worst, looks));
        }

        PlacementChecksLight(placement, containers);
        return (sum / (double)Steps, worst);

        PoolRequest Ask(int number)
        {
            var function = random.Next(needs.Length);
            return Asked($"ta-{number}", needs[function], $"fn-{function}", $"ap-{function / 10}");
        }
    }

    private static void PlacementChecksLight(Placement placement, List<string> containers)
    {
        Assert.Equal(containers.Count, placement.Placed.Count + placement.Waiting);
        Assert.All(placement.Workers, w => Assert.True(w.Free[0] >= 0 && w.Free[1] >= 0 && w.GpusUsed <= w.Gpus.Count));
    }
}
