using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

public sealed class SimulationTests
{
    [Fact]
    public void ControlPlane_AnySeed_KeepsItsPromises()
    {
        var faults = new List<string>();
        var events = 0L;
        foreach (var seed in Seeds.Chosen)
        {
            using var simulation = new Simulation(seed);
            if (simulation.Run() is { } fault)
            {
                faults.Add(fault);
            }

            events += simulation.Events;
        }

        Assert.True(events > 0);
        Assert.True(faults.Count == 0, $"{faults.Count} seeds failed. The first:\n{faults.FirstOrDefault()}\nOthers: {string.Join(" | ", faults.Skip(1).Take(20).Select(f => f.Split('\n')[0]))}");
    }

    [Fact]
    public void ControlPlane_AppsThatWantAllThereIs_GetAboutEqualShares()
    {
        for (var seed = 0; seed < 25; seed++)
        {
            using var contention = new Contention(seed);

            var (ratio, fault) = contention.Run();

            Assert.Null(fault);
            Assert.True(ratio < 1.5, $"Seed {seed}: the app with most had {ratio:0.00} times as much as the one with least.\n{contention.Scenario}");
        }
    }

    [Fact]
    public void Run_SameSeedTwice_TakesTheSameCourse()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            using var one = new Simulation(seed);
            using var other = new Simulation(seed);

            one.Run();
            other.Run();

            Assert.Equal((one.Trace, one.Events), (other.Trace, other.Events));
        }
    }
}
