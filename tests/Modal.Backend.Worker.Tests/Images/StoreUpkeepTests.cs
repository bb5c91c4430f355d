using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Modal.Backend.Worker.Images;
using Xunit;

namespace Modal.Backend.Worker.Tests.Images;

public sealed class StoreUpkeepTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-upkeep-").FullName;
    private readonly UpkeepTime _time = new();
    private readonly UpkeepLog _log = new();
    private readonly UsedImages _used = new();
    private readonly BreakableTier _tier;
    private StoreUpkeep? _upkeep;
    private TimeSpan? _next;

    public StoreUpkeepTests() => _tier = new BreakableTier(new MemoryTier(_time));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_upkeep is not null)
        {
            await _upkeep.StopAsync(CancellationToken.None);
            _upkeep.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Upkeep_OfAStore_CollectsAfterTenMinutesAndThenEachDay()
    {
        var image = await ImageAsync("x");
        await StartAsync(new WorkerOptions());

        Assert.Equal(TimeSpan.FromMinutes(10), await _time.NextWaitAsync(Cancel));
        Assert.Equal(0, _tier.Listings);
        for (var day = 0; day < 2; day++)
        {
            _time.Advance(day == 0 ? TimeSpan.FromMinutes(10) : TimeSpan.FromHours(26.5));
            Assert.InRange(await _time.NextWaitAsync(Cancel), TimeSpan.FromHours(21.6), TimeSpan.FromHours(26.4));
            Assert.Equal(day + 1, _log.Lines.Count);
        }

        _time.Advance(TimeSpan.FromHours(26.5));
        await _time.NextWaitAsync(Cancel);
        Assert.Null(await _tier.GetSizeAsync(ObjectKeys.Index(image.Name), Cancel));
        Assert.All(_log.Lines, static l => Assert.Equal(LogLevel.Information, l.Level));
        Assert.StartsWith("Collected memory: removed 2 objects of ", _log.Lines.Last().Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upkeep_ImageOfAContainer_StaysForMonthsAndGoesWhenNoContainerHasIt()
    {
        var image = await ImageAsync("x");
        using (var record = new MemoryStream(Encoding.UTF8.GetBytes($$"""{"index":"{{image.Name}}"}""")))
        {
            await _tier.PutAsync(BuildKey.Of("im-1", _time.GetUtcNow()).ToString(), record, Cancel);
        }

        var (one, other) = (_used.Use("im-1"), _used.Use("im-1"));
        one.Dispose();
        await StartAsync(new WorkerOptions { CollectionInterval = TimeSpan.FromDays(10) });
        await PassAsync(12);
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index(image.Name), Cancel));

        other.Dispose();
        await PassAsync(9);

        Assert.Null(await _tier.GetSizeAsync(ObjectKeys.Index(image.Name), Cancel));
    }

    public static TheoryData<Exception> Failures() => [new TierException("The store is away."), new InvalidOperationException("A defect.")];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Upkeep_OfAStoreThatFails_SaysSoAndGoesOn(Exception failure)
    {
        _tier.Failure = failure;
        await StartAsync(new WorkerOptions());
        await PassAsync(1);
        var (level, text) = Assert.Single(_log.Lines);
        Assert.Equal(LogLevel.Warning, level);
        Assert.StartsWith("memory could not be collected; the next attempt is in ", text, StringComparison.Ordinal);

        _tier.Failure = null;
        await PassAsync(1);

        Assert.Equal(LogLevel.Information, _log.Lines.Last().Level);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0)]
    public async Task Upkeep_TurnedOff_EndsAtOnce(int? hours)
    {
        await StartAsync(new WorkerOptions { CollectionInterval = hours is null ? null : TimeSpan.FromHours(hours.Value) });

        await _upkeep!.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        Assert.Equal(0, _tier.Listings);
    }

    // Lets waits pass; the next has begun.
    private async Task PassAsync(int waits)
    {
        var wait = _next ?? await _time.NextWaitAsync(Cancel);
        for (; waits > 0; waits--)
        {
            _time.Advance(wait);
            wait = await _time.NextWaitAsync(Cancel);
        }

        _next = wait;
    }

    private Task StartAsync(WorkerOptions options)
    {
        _upkeep = new StoreUpkeep(Options.Create(options), new ImageStore(_tier, Path.Combine(_folder, "indexes"), _time), _used, _time, _log);
        return _upkeep.StartAsync(Cancel);
    }

    private async Task<ImageIndex> ImageAsync(string content)
    {
        using var writer = new ContentWriter(_tier, new ContentCatalog());
        var root = TreeNode.Directory();
        using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(content));
        root.Children.Add(new TreeName("f"), new TreeNode { Mode = NodeModes.File | 0b110_100_100, Content = await writer.AddAsync(bytes, Cancel) });
        return await writer.FinishAsync(root, Cancel);
    }
}
