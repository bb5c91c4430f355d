using System.Text;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Collection;

public sealed class CollectorTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
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
        Assert.Null(await _tier.GetSizeAsync(ObjectKeys.Index(unneeded.Id), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index(kept.Id), Cancel));
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
            Assert.Equal(0, (await RunAsync(image.Id)).Removed);
        }
    }

    [Fact]
    public async Task Run_OldBuild_KeepsNothing()
    {
        await RecordAsync("a", await ImageAsync("x"));
        _time.Advance(TimeSpan.FromDays(31));
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
            var (time, catalog) = (new FakeTimeProvider(DateTimeOffset.UtcNow), new ContentCatalog());
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

                    await RecordAsync(tier, "b", made);
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
            await _tier.PutAsync(ObjectKeys.Index(image.Id), damaged, Cancel);
        }

        _time.Advance(TimeSpan.FromDays(3));

        await Assert.ThrowsAsync<TierException>(() => RunAsync());
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Pack(image.GetPack(0)), Cancel));
    }

    private static async Task<ImageIndex> WriteAsync(MemoryTier tier, ContentCatalog catalog, params string[] contents)
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

    private static async Task RecordAsync(MemoryTier tier, string key, ImageIndex image)
    {
        using var record = new MemoryStream(Encoding.UTF8.GetBytes($$"""{"index":"{{image.Id}}"}"""));
        await tier.PutAsync($"{ObjectKeys.Builds}/{key}", record, Cancel);
    }

    private Task<ImageIndex> ImageAsync(string content) => WriteAsync(_tier, _catalog, content);

    private Task RecordAsync(string key, ImageIndex image) => RecordAsync(_tier, key, image);

    private Task<CollectionResult> RunAsync(params Digest[] roots) => new Collector(_tier, new CollectorOptions(), _time).RunAsync(roots, Cancel);
}
