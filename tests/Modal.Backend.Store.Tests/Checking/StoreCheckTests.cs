using Modal.Backend.Store.Checking;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Chunks;
using Modal.Backend.Store.Tests.Objects;
using Modal.Backend.Store.Tests.Trees;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Checking;

public sealed class StoreCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DictionaryTier _tier = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_WholeStore_FindsNothing()
    {
        await IngestAsync();

        Assert.Empty(await StoreCheck.RunAsync(_tier, repair: false, Cancel));
    }

    [Fact]
    public async Task Run_FlippedByteOfAPack_NamesItAndTheImage()
    {
        var image = await IngestAsync();
        var pack = ObjectKeys.Pack(image.GetPack(0));
        _tier.Objects[pack][1000] ^= 1;

        var finding = Assert.Single(await StoreCheck.RunAsync(_tier, repair: false, Cancel));

        Assert.Equal(pack, finding.Key);
        Assert.Contains("do not have the digest", finding.What, StringComparison.Ordinal);
        Assert.Equal([image.Id], finding.Images);
        Assert.True(_tier.Objects.ContainsKey(pack));
    }

    [Fact]
    public async Task Run_MissingPackAndDamagedIndex_AreNamed()
    {
        var image = await IngestAsync();
        var pack = ObjectKeys.Pack(image.GetPack(0));
        _tier.Objects.Remove(pack, out _);
        Assert.Equal((pack, "It is missing."), Assert.Single((await StoreCheck.RunAsync(_tier, repair: false, Cancel)).Select(f => (f.Key, f.What))));

        _tier.Objects[ObjectKeys.Index(image.Name)][100] ^= 0xFF;
        Assert.Equal(ObjectKeys.Index(image.Name), Assert.Single(await StoreCheck.RunAsync(_tier, repair: false, Cancel)).Key);
    }

    [Fact]
    public async Task Run_Repair_MovesTheDamagedAsideAndTheNextBuildIsWhole()
    {
        var image = await IngestAsync();
        var pack = ObjectKeys.Pack(image.GetPack(0));
        _tier.Objects[pack][1000] ^= 1;

        await StoreCheck.RunAsync(_tier, repair: true, Cancel);

        Assert.False(_tier.Objects.ContainsKey(pack));
        Assert.Contains(_tier.Objects.Keys, k => k.StartsWith("damaged/pack-", StringComparison.Ordinal));
        await IngestAsync();
        Assert.Empty(await StoreCheck.RunAsync(_tier, repair: false, Cancel));
    }

    [Fact]
    public async Task Run_RepairOfAPackThatWasReadWrongOnce_MovesNothing()
    {
        var image = await IngestAsync();
        var pack = ObjectKeys.Pack(image.GetPack(0));
        var faulty = new FaultyTier(_tier) { AfterRead = (number, bytes) => bytes.Span[^1] ^= number == 1 ? (byte)1 : (byte)0 };

        Assert.Empty(await StoreCheck.RunAsync(faulty, repair: true, Cancel));

        Assert.True(_tier.Objects.ContainsKey(pack));
        Assert.DoesNotContain(_tier.Objects.Keys, k => k.StartsWith("damaged/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_ImageThatIsStoredBetweenTheListings_IsNotCalledDamaged()
    {
        await IngestAsync();
        var hooked = new HookedTier(_tier);
        var lists = 0;
        hooked.Before = async operation =>
        {
            if (operation.StartsWith("list ", StringComparison.Ordinal) && ++lists == 2)
            {
                await _folder.ShellAsync("echo new > new");
                await IngestAsync();
            }
        };

        Assert.Empty(await StoreCheck.RunAsync(hooked, repair: true, Cancel));
    }

    [Fact]
    public async Task Run_ImageThatIsCollectedMeanwhile_IsNotCalledDamaged()
    {
        var image = await IngestAsync();
        var hooked = new HookedTier(_tier)
        {
            Before = operation =>
            {
                if (operation == $"read {ObjectKeys.Index(image.Name)}")
                {
                    _tier.Objects.Clear();
                }

                return Task.CompletedTask;
            },
        };

        Assert.Empty(await StoreCheck.RunAsync(hooked, repair: true, Cancel));
    }

    // Otherwise the next build would find the layer built, and never make it again.
    [Fact]
    public async Task Run_RepairOfADamagedPack_MovesTheIndexesThatNeedItToo()
    {
        var image = await IngestAsync();
        _tier.Objects[ObjectKeys.Pack(image.GetPack(0))][1000] ^= 1;

        await StoreCheck.RunAsync(_tier, repair: true, Cancel);

        Assert.False(_tier.Objects.ContainsKey(ObjectKeys.Index(image.Name)));
        Assert.Contains(_tier.Objects.Keys, k => k.StartsWith("damaged/index-", StringComparison.Ordinal));
    }

    private async Task<ImageIndex> IngestAsync()
    {
        await _folder.ShellAsync("[ -e a ] || { head -c 900000 /dev/urandom > a; for i in $(seq 50); do echo $i > f$i; done; }");
        return await DirectoryTreeTests.IngestAsync(_folder.Path, _tier, new ContentCatalog());
    }
}
