using Xunit;

namespace Modal.Backend.Images.Tests.Collection;

public sealed class CollectionWhileBuildingTests
{
    private const int Seeds = 200;

    [Fact]
    public async Task Builders_BesideCollectorsAndRepairs_LoseNothingThatWasUsedOfLate()
    {
        var total = (Built: 0, Found: 0, Removed: 0);
        for (var seed = 0; seed < Seeds; seed++)
        {
            using var world = new StoreWorld(seed);
            await WithSeedAsync(seed, async () =>
            {
                for (var round = 0; round < 8; round++)
                {
                    await world.RoundAsync();
                }
            });
            total = (total.Built + world.Counts.Built, total.Found + world.Counts.Found, total.Removed + world.Counts.Removed);
        }

        // Otherwise it would have shown nothing.
        TestContext.Current.TestOutputHelper?.WriteLine($"{total}");
        Assert.True(total is { Built: > Seeds, Found: > Seeds, Removed: > Seeds }, $"{total}");
    }

    [Fact]
    public async Task Repair_OfDamageBesideBuilders_LetsTheNextBuildsBeWhole()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            using var world = new StoreWorld(seed);
            await WithSeedAsync(seed, async () =>
            {
                await world.RoundAsync();
                await world.RoundAsync();
                await world.DamageAndRepairAsync();
            });
        }
    }

    private static async Task WithSeedAsync(int seed, Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"With the seed {seed}: {e.Message}", e);
        }
    }
}
