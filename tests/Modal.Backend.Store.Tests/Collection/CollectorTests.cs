using System.Text;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Checking;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Collection;

public sealed class CollectorTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero));
    private readonly ContentCatalog _catalog = new();
    private readonly MemoryTier _tier;

    public CollectorTests() => _tier = new MemoryTier(_time);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_WhatNothingNeeds_IsCondemnedAndThenRemoved()
    {
        var kept = await ImageAsync("kept");
        await RecordAsync("a", kept);
        var unneeded = await ImageAsync("unneeded");

        Assert.Equal(0, (await RunAsync()).Removed);
        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(0, (await RunAsync()).Removed);
        _time.Advance(TimeSpan.FromHours(23));
        Assert.Equal(0, (await RunAsync()).Removed);
        _time.Advance(TimeSpan.FromHours(2));

        Assert.Equal(2, (await RunAsync()).Removed);
        Assert.Null(await _tier.GetSizeAsync(ObjectKeys.Index(unneeded.Name), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index(kept.Name), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(kept.GetPack(0)), Cancel));
        Assert.Empty(await _tier.ListAsync(ObjectKeys.Condemned, Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task Run_ImageThatWasGiven_Stays()
    {
        var image = await ImageAsync("deployed");
        for (var day = 0; day < 4; day++)
        {
            _time.Advance(TimeSpan.FromDays(2));
            Assert.Equal(0, (await RunAsync(image.Id.ToString())).Removed);
        }
    }

    [Fact]
    public async Task Run_BuildOfTheMonthBeforeTheLast_KeepsNothing()
    {
        await RecordAsync("a", await ImageAsync("x"));
        _time.SetUtcNow(new DateTimeOffset(2026, 4, 30, 12, 0, 0, TimeSpan.Zero));
        Assert.Equal(0, (await RunAsync()).Removed);
        Assert.Empty(await _tier.ListAsync(ObjectKeys.Condemned, Cancel).ToListAsync(Cancel));
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(1, (await RunAsync()).Removed);
        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(2, (await RunAsync()).Removed);
    }

    [Fact]
    public async Task Run_CondemnedButNeededAgain_Stays()
    {
        var image = await ImageAsync("x");
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        await RecordAsync("a", image);
        _time.Advance(TimeSpan.FromDays(2));

        Assert.Equal(0, (await RunAsync()).Removed);
        Assert.Empty(await _tier.ListAsync(ObjectKeys.Condemned, Cancel).ToListAsync(Cancel));
    }

    // Whenever a builder that uses an old pack again finishes, the image that it has stored stays whole.
    [Fact]
    public async Task Run_BesideABuilderThatReusesAPack_LosesNoBytes()
    {
        for (var step = 0; step < 6; step++)
        {
            var (time, catalog) = (new FakeTimeProvider(new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero)), new ContentCatalog());
            var tier = new MemoryTier(time);
            await WriteAsync(tier, catalog, "shared", "old");
            var collector = new Collector(tier, new CollectorOptions(), time);
            ImageIndex? made = null;
            for (var day = 0; day < 6; day++)
            {
                if (day == step)
                {
                    try
                    {
                        made = await WriteAsync(tier, catalog, "shared", $"new {step}");
                    }
                    catch (StalePlacementException)
                    {
                        catalog.Clear();
                        made = await WriteAsync(tier, catalog, "shared", $"new {step}");
                    }

                    await RecordAsync(tier, time, "b", made);
                }

                time.Advance(TimeSpan.FromHours(25));
                await collector.RunAsync([], Cancel);
            }

            for (var pack = 0; pack < made!.PackCount; pack++)
            {
                Assert.NotNull(await tier.GetSizeAsync(ObjectKeys.Pack(made.GetPack(pack)), Cancel));
            }
        }
    }

    [Fact]
    public async Task Run_DamagedIndexOfAnImageInUse_RemovesNothing()
    {
        var image = await ImageAsync("x");
        await RecordAsync("a", image);
        using (var damaged = new MemoryStream(new byte[100]))
        {
            await _tier.PutAsync(ObjectKeys.Index(image.Name), damaged, Cancel);
        }

        _time.Advance(TimeSpan.FromDays(3));

        await Assert.ThrowsAsync<TierException>(() => RunAsync());
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(image.GetPack(0)), Cancel));
    }

    [Fact]
    public async Task Finish_ContentOfAPackThatIsCondemned_IsStoredAnewAtOnce()
    {
        var old = await ImageAsync("x");
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();

        _catalog.Clear();
        var image = await ImageAsync("x");

        Assert.NotEqual(old.GetPack(0), image.GetPack(0));
        await RecordAsync("a", image);
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(image.GetPack(0)), Cancel));
    }

    [Theory]
    [InlineData("im-1")]
    [InlineData("index")]
    [InlineData("id")]
    public async Task Run_OldRecordOfAnImageThatWasGiven_StaysAndIsKnownToOtherCollectors(string by)
    {
        var image = await ImageAsync("deployed");
        await RecordAsync("im-1", image);
        _time.Advance(TimeSpan.FromDays(90));

        Assert.Equal(0, (await RunAsync(by switch { "index" => image.Name, "id" => image.Id.ToString(), _ => by })).Removed);

        Assert.NotNull(await _tier.GetSizeAsync("build/im-1.2026-06", Cancel));
        for (var day = 0; day < 4; day++)
        {
            _time.Advance(TimeSpan.FromDays(2));
            await RunAsync();
        }

        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index(image.Name), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(image.GetPack(0)), Cancel));
    }

    // A collector that listed the indexes just before the one of the layer below was there condemns what it needs.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Finish_OverAnIndexWhosePackIsCondemned_NeedsItsTrust(bool isTrusted)
    {
        var below = await ImageAsync("x");
        using (var mark = new MemoryStream([0]))
        {
            await _tier.PutAsync(ObjectKeys.Condemn(ObjectKeys.Pack(below.GetPack(0))), mark, Cancel);
        }

        using var writer = new ContentWriter(_tier, new ContentCatalog());
        if (isTrusted)
        {
            writer.Trust(below);
            var image = await writer.FinishAsync(TreeNode.FromIndex(below), Cancel);
            Assert.Equal(below.GetPack(0), image.GetPack(0));
        }
        else
        {
            await Assert.ThrowsAsync<StalePlacementException>(() => writer.FinishAsync(TreeNode.FromIndex(below), Cancel));
        }
    }

    // Another runs as a whole before each thing that the first asks of the store: once while it condemns, once while it removes.
    [Fact]
    public async Task Run_WithAnotherInTheMidst_RemovesWhatNothingNeedsAndNothingElse()
    {
        var asked = 1;
        for (var at = 0; at < asked; at++)
        {
            var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 10, 12, 0, 0, TimeSpan.Zero));
            var tier = new MemoryTier(time);
            var other = new Collector(tier, new CollectorOptions(), time);
            var kept = await WriteAsync(tier, new ContentCatalog(), "kept");
            await RecordAsync(tier, time, "a", kept);
            await WriteAsync(tier, new ContentCatalog(), "unneeded");
            for (var day = 0; day < 4; day++)
            {
                time.Advance(TimeSpan.FromHours(25));
                var operations = 0;
                var hooked = new HookedTier(tier) { Before = async _ => await (operations++ == at ? other.RunAsync([], Cancel) : Task.CompletedTask) };
                await new Collector(hooked, new CollectorOptions(), time).RunAsync([], Cancel);
                asked = Math.Max(asked, operations);
            }

            Assert.Equal([ObjectKeys.Index(kept.Name)], (await tier.ListAsync(ObjectKeys.Indexes, Cancel).ToListAsync(Cancel)).Select(static i => i.Key));
            Assert.Equal([ObjectKeys.Pack(kept.GetPack(0))], (await tier.ListAsync(ObjectKeys.Packs, Cancel).ToListAsync(Cancel)).Select(static p => p.Key));
            Assert.Empty(await tier.ListAsync(ObjectKeys.Condemned, Cancel).ToListAsync(Cancel));
        }

        Assert.True(asked > 10, $"{asked}");
    }

    // A check in between would call the image damaged.
    [Fact]
    public async Task Run_PackThatWasCondemnedBeforeItsIndex_StaysAsLongAsTheIndex()
    {
        var unneeded = await ImageAsync("x");
        var pack = ObjectKeys.Pack(unneeded.GetPack(0));
        using (var mark = new MemoryStream([0]))
        {
            await _tier.PutAsync(ObjectKeys.Condemn(pack), mark, Cancel);
        }

        _time.Advance(TimeSpan.FromHours(25));
        Assert.Equal(0, (await RunAsync()).Removed);
        Assert.NotNull(await _tier.GetSizeAsync(pack, Cancel));
        Assert.Empty(await StoreCheck.RunAsync(_tier, repair: false, Cancel));

        _time.Advance(TimeSpan.FromHours(25));
        Assert.Equal(2, (await RunAsync()).Removed);
    }

    [Fact]
    public async Task Run_ThatLastsHalfTheGraceTime_RemovesNothingMore()
    {
        await ImageAsync("x");
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        _time.Advance(TimeSpan.FromDays(2));
        var slow = new HookedTier(_tier) { Before = _ => Advance(TimeSpan.FromHours(3)) };

        Assert.Equal(0, (await new Collector(slow, new CollectorOptions(), _time).RunAsync([], Cancel)).Removed);

        Assert.Equal(2, (await RunAsync()).Removed);
    }

    [Fact]
    public async Task Run_TraceOfAnImageThatIsGone_IsRemovedAndOthersStay()
    {
        var (kept, gone) = (await ImageAsync("kept"), await ImageAsync("gone"));
        await RecordAsync("a", kept);
        foreach (var image in new[] { kept, gone })
        {
            using var trace = new MemoryStream([1]);
            await _tier.PutAsync($"{ObjectKeys.Traces}/{image.Id}-0011", trace, Cancel);
        }

        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();

        Assert.Equal([$"{ObjectKeys.Traces}/{kept.Id}-0011"], (await _tier.ListAsync(ObjectKeys.Traces, Cancel).ToListAsync(Cancel)).Select(static t => t.Key));
    }

    // The mark goes after what it marks: whoever looks for the pack first finds it, and then no mark.
    [Fact]
    public async Task Finish_PackAndItsMarkAreRemovedBetweenTheLooks_NoticesIt()
    {
        await ImageAsync("x");
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        _time.Advance(TimeSpan.FromDays(2));
        var looks = 0;
        var hooked = new HookedTier(_tier) { Before = async operation => await (operation.StartsWith("find ", StringComparison.Ordinal) && ++looks == 2 ? RunAsync() : Task.CompletedTask) };

        await Assert.ThrowsAsync<StalePlacementException>(() => WriteAsync(hooked, _catalog, "x"));
    }

    [Fact]
    public async Task Run_IndexThatIsStoredAgainJustBeforeItIsRemoved_IsThereAfterwards()
    {
        await ImageAsync("x");
        _time.Advance(TimeSpan.FromDays(2));
        await RunAsync();
        _time.Advance(TimeSpan.FromDays(2));
        ImageIndex? again = null;
        var hooked = new HookedTier(_tier)
        {
            Before = async operation =>
            {
                if (operation.StartsWith("delete index/", StringComparison.Ordinal) && again is null)
                {
                    again = await WriteAsync(_tier, new ContentCatalog(), "x");
                }
            },
        };

        await new Collector(hooked, new CollectorOptions(), _time).RunAsync([], Cancel);

        Assert.NotNull(again);
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index(again.Name), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(again.GetPack(0)), Cancel));
    }

    private static async Task<ImageIndex> WriteAsync(IObjectTier tier, ContentCatalog catalog, params string[] contents)
    {
        using var writer = new ContentWriter(tier, catalog);
        var root = TreeNode.Directory();
        foreach (var content in contents)
        {
            using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(content));
            root.Children.Add(new TreeName(content), new TreeNode { Mode = NodeModes.File | 0b110_100_100, Content = await writer.AddAsync(bytes, Cancel) });
        }

        return await writer.FinishAsync(root, Cancel);
    }

    private static async Task RecordAsync(MemoryTier tier, TimeProvider time, string key, ImageIndex image)
    {
        using var record = new MemoryStream(Encoding.UTF8.GetBytes($$"""{"index":"{{image.Name}}"}"""));
        await tier.PutAsync(BuildKey.Of(key, time.GetUtcNow()).ToString(), record, Cancel);
    }

    private Task Advance(TimeSpan by)
    {
        _time.Advance(by);
        return Task.CompletedTask;
    }

    private Task<ImageIndex> ImageAsync(string content) => WriteAsync(_tier, _catalog, content);

    private Task RecordAsync(string key, ImageIndex image) => RecordAsync(_tier, _time, key, image);

    private Task<CollectionResult> RunAsync(params string[] roots) => new Collector(_tier, new CollectorOptions(), _time).RunAsync(roots, Cancel);
}
