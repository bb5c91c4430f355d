using System.Text;
using Grpc.Core;
using Modal.Backend.ControlPlane.Persistence;
using Modal.Backend.ControlPlane.Volumes;
using Modal.Backend.Store.Collection;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Volumes;

/// <summary>What volumes must do on every database.</summary>
public abstract class VolumeConformance : IAsyncLifetime
{
    private readonly MemoryTier _tier = new(TimeProvider.System);
    private IDatabase _database = null!;
    private VolumeRecords _records = null!;
    private VolumeTrees _trees = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = DatabaseAddress.Open(await CreateAsync());
        _records = new VolumeRecords(_database, TimeProvider.System);
        _trees = new VolumeTrees(_tier, _records);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Create_TwiceAtOnce_IsOneVolume()
    {
        var index = await _trees.StoreEmptyAsync(Cancel);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _records.CreateAsync("main", "v", index)));

        var volume = Assert.Single(await _records.ListAsync("main"));
        Assert.Equal(("v", 1L, index, true), (volume.Name, volume.Version, volume.Index_name, Id.IsValid(volume.Volume_id, Id.Volume)));
    }

    [Fact]
    public async Task TryCommit_FromAVersionThatIsNotTheNewest_ChangesNothing()
    {
        var volume = await MakeAsync();
        var other = await _trees.StoreEmptyAsync(Cancel);

        Assert.True(await _records.TryCommitAsync(volume.Volume_id, 1, other));
        Assert.False(await _records.TryCommitAsync(volume.Volume_id, 1, volume.Index_name));
        Assert.False(await _records.TryCommitAsync("vo-none", 1, other));

        Assert.Equal((2, other), ((await _records.FindAsync(volume.Volume_id))!.Version, (await _records.FindAsync("main", "v"))!.Index_name));
    }

    [Fact]
    public async Task Change_ByManyAtOnce_LosesNone()
    {
        await MakeAsync();

        var versions = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => WriteAsync($"folder/{i}", $"{i}"))));

        Assert.Equal(Enumerable.Range(2, 12).Select(static v => (long)v), versions.Order());
        Assert.Equal(string.Join(' ', Enumerable.Range(0, 12).Select(static i => $"folder/{i}").Order(StringComparer.Ordinal)), await NamesAsync());
    }

    [Fact]
    public async Task Change_ToWhatIsThere_MakesNoVersion()
    {
        await MakeAsync();
        await WriteAsync("a", "1");

        Assert.Equal(2, await _trees.ChangeAsync(FindAsync, static (_, _) => Task.CompletedTask, Cancel));
    }

    [Fact]
    public async Task CopyAndRemove_FilesAndFolders_DoWhatTheyDoOnADisk()
    {
        await MakeAsync();
        await WriteAsync("a/b/c", "1");
        await ChangeAsync(static root => VolumeFiles.Copy(root, ["a"], "copy"));
        await ChangeAsync(static root => VolumeFiles.Copy(root, ["a/b/c", "copy"], "a/b"));

        Assert.Equal("a/b/c a/b/copy/b/c copy/b/c", await NamesAsync());
        Assert.Equal(StatusCode.InvalidArgument, await FailAsync(static root => VolumeFiles.Copy(root, ["a"], "a/b")));
        Assert.Equal(StatusCode.NotFound, await FailAsync(static root => VolumeFiles.Copy(root, ["none"], "x")));
        Assert.Equal(StatusCode.FailedPrecondition, await FailAsync(static root => VolumeFiles.Remove(root, "a", recursive: false)));
        Assert.Equal(StatusCode.InvalidArgument, await FailAsync(static root => VolumeFiles.Remove(root, "a/../b", recursive: true)));
        await ChangeAsync(static root => VolumeFiles.Remove(root, "a/b", recursive: true));
        Assert.Equal("copy/b/c", await NamesAsync());
    }

    [Fact]
    public async Task Delete_AndRename_AreByName()
    {
        var volume = await MakeAsync();
        await _records.CreateAsync("main", "w", volume.Index_name);

        Assert.False(await _records.TryRenameAsync("main", "v", "w"));
        Assert.True(await _records.TryRenameAsync("main", "v", "u"));
        Assert.Equal(volume.Volume_id, (await _records.FindAsync("main", "u"))!.Volume_id);
        Assert.True(await _records.DeleteAsync("main", "u"));
        Assert.False(await _records.DeleteAsync("main", "u"));
        Assert.Null(await _records.FindAsync(volume.Volume_id));
    }

    [Fact]
    public async Task Collect_AfterTheGraceTime_LeavesTheNewestVersionOnly()
    {
        await MakeAsync();
        await WriteAsync("a", "1");
        var old = (await FindAsync()).Index_name;
        await WriteAsync("b", "2");
        var later = new LaterTime();
        await new VolumeUpkeep(_records, _tier, later, Microsoft.Extensions.Logging.Abstractions.NullLogger<VolumeUpkeep>.Instance).RenewAsync(Cancel);
        var collector = new Collector(_tier, new CollectorOptions(), later);

        foreach (var days in new[] { 2, 4 })
        {
            later.Days = days;
            await collector.RunAsync([], Cancel);
        }

        Assert.Null(await _tier.GetSizeAsync(ObjectKeys.Index(old), Cancel));
        Assert.NotNull(await _tier.GetSizeAsync(ObjectKeys.Index((await FindAsync()).Index_name), Cancel));
        Assert.Equal("a b", await NamesAsync());
    }

    /// <summary>Makes an empty database.</summary>
    protected abstract Task<string> CreateAsync();

    private async Task<VolumeRecord> MakeAsync()
    {
        await _records.CreateAsync("main", "v", await _trees.StoreEmptyAsync(Cancel));
        return await FindAsync();
    }

    private async Task<VolumeRecord> FindAsync() => (await _records.FindAsync("main", "v"))!;

    private Task<long> WriteAsync(string path, string text) => _trees.ChangeAsync(
        FindAsync,
        async (root, writer) =>
        {
            var folder = root;
            var names = path.Split('/');
            foreach (var name in names[..^1])
            {
                if (!folder.Children.TryGetValue(new TreeName(name), out var child))
                {
                    folder.Children[new TreeName(name)] = child = TreeNode.Directory();
                }

                folder = child;
            }

            using var content = new MemoryStream(Encoding.UTF8.GetBytes(text));
            folder.Children[new TreeName(names[^1])] = new TreeNode { Mode = Modal.Backend.Store.Indexes.NodeModes.File | 0b110_100_100, Content = await writer.AddAsync(content, Cancel) };
        },
        Cancel);

    private Task<long> ChangeAsync(Action<TreeNode> change) => _trees.ChangeAsync(FindAsync, (root, _) => Task.Run(() => change(root)), Cancel);

    private async Task<StatusCode> FailAsync(Action<TreeNode> change) => (await Assert.ThrowsAsync<RpcException>(() => ChangeAsync(change))).StatusCode;

    private async Task<string> NamesAsync()
    {
        var index = await _trees.OpenAsync((await FindAsync()).Index_name, Cancel);
        return string.Join(' ', VolumeFiles.List(index, "", recursive: true).Where(static e => e.Kind == VolumeEntryKind.File).Select(static e => e.Path));
    }

    private sealed class LaterTime : TimeProvider
    {
        public int Days { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddDays(Days);
    }
}
