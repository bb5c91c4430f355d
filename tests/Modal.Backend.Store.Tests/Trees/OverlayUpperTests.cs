using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Trees;

/// <summary>Over a real overlay; each test writes, looks, and applies what it finds to a tree.</summary>
public sealed class OverlayUpperTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly DictionaryTier _tier = new();
    private readonly ContentCatalog _catalog = new();
    private ImageIndex _lower = null!;
    private OverlayUpper _upper = null!;
    private bool _mounted;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "Mounting an overlay needs root.");
        await _folder.ShellAsync("""
            mkdir lower upper work merged
            (cd lower; mkdir -p both/sub gone replaced; echo 1 > both/a; echo 2 > both/sub/b; echo 3 > gone/c; echo 4 > replaced/d; echo 5 > file; touch -d '1 hour ago' file both/a)
            mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=off,metacopy=off,index=off,xino=off merged
            """);
        _mounted = true;
        _lower = await DirectoryTreeTests.IngestAsync(Path.Combine(_folder.Path, "lower"), _tier, _catalog);
        _upper = new OverlayUpper(Path.Combine(_folder.Path, "upper"), _lower, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        if (_mounted)
        {
            await _folder.ShellAsync("umount -l merged");
        }

        _folder.Dispose();
    }

    [Fact]
    public async Task Scan_NothingWritten_IsNull() => Assert.Null(await ScanAsync());

    [Fact]
    public async Task Scan_AcceptedAndNothingWritten_IsNullAlsoForWhatWasYoung()
    {
        await RunAsync("echo new > n; echo more >> file; mkdir d; rm both/a; head -c 300000 /dev/zero > large");
        _upper.Accept((await ScanAsync())!);

        Assert.Null(await ScanAsync());
        await Task.Delay(100, Cancel);
        Assert.Null(await ScanAsync());
    }

    [Fact]
    public async Task Scan_NotAccepted_FindsTheSameAgain()
    {
        await RunAsync("echo new > n");
        await ScanAsync();

        Assert.Equal(["n"], await ChangedAsync());
    }

    [Fact]
    public async Task Apply_ToWhatItLaidOver_GivesWhatWasSeenThere()
    {
        await RunAsync("rm both/a; echo x >> both/sub/b; rm -r gone; rm -r replaced; echo now > replaced; mkdir -p p/q; echo y > p/q/r; ln p/q/r p/s; ln -s file link; mkfifo pipe");

        var after = await ApplyAsync(_lower, (await ScanAsync())!);

        Assert.Equal("both both/sub both/sub/b file link p p/q p/q/r p/s pipe replaced", Names(after));
        Assert.Equal("2\nx\n"u8, _tier.ReadFile(after, after.Find("both/sub/b")));
        Assert.Equal(2, after.GetNode(after.Find("p/s")).LinkCount);
    }

    [Fact]
    public async Task Apply_SecondDelta_HasOnlyWhatCameAfterTheFirst()
    {
        await RunAsync("echo first > both/a; echo x > n");
        var delta = await ScanAsync();
        _upper.Accept(delta!);
        var committed = await ApplyAsync(_lower, delta!);
        var root = TreeNode.FromIndex(committed);
        root.Find("both")!.Children[new TreeName("a")] = root.Find("file")!;
        var changedByAnother = await FinishAsync(root);

        await RunAsync("echo y > m; rm n");
        var after = await ApplyAsync(changedByAnother, (await ScanAsync())!);

        Assert.Equal("5\n"u8, _tier.ReadFile(after, after.Find("both/a")));
        Assert.Equal((-1, true), (after.Find("n"), after.Find("m") > 0));
    }

    [Fact]
    public async Task Apply_OthersWroteOtherFiles_BothStay()
    {
        await RunAsync("echo mine > both/mine; rm both/a");
        var root = TreeNode.FromIndex(_lower);
        root.Find("both")!.Children[new TreeName("theirs")] = root.Find("file")!;
        root.Children.Remove(new TreeName("gone"));

        var after = await ApplyAsync(await FinishAsync(root), (await ScanAsync())!);

        Assert.Equal("both both/mine both/sub both/sub/b both/theirs file replaced replaced/d", Names(after));
    }

    [Theory]
    [InlineData("rm -r both")]
    [InlineData("rm -r both; mkdir both")]
    [InlineData("rm -r both; echo x > both; rm both")]
    public async Task Apply_FolderRemovedInWhichOthersWrote_LeavesWhatTheyWrote(string removal)
    {
        await RunAsync(removal);
        var root = TreeNode.FromIndex(_lower);
        root.Find("both/sub")!.Children[new TreeName("theirs")] = root.Find("file")!;

        var after = await ApplyAsync(await FinishAsync(root), (await ScanAsync())!);

        Assert.Equal("both both/sub both/sub/theirs file gone gone/c replaced replaced/d", Names(after));
    }

    [Fact]
    public async Task Apply_OwnFolderRemoved_RemovesWhatItHad()
    {
        await RunAsync("mkdir -p d/e; echo 1 > d/e/f; echo 2 > d/g");
        var delta = await ScanAsync();
        _upper.Accept(delta!);
        var committed = await ApplyAsync(_lower, delta!);

        await RunAsync("rm -r d");
        var after = await ApplyAsync(committed, (await ScanAsync())!);

        Assert.Equal(Names(_lower), Names(after));
    }

    [Fact]
    public async Task Scan_ChangedKind_IsFoundEachTime()
    {
        await RunAsync("echo 1 > x");
        var one = await ScanAsync();
        _upper.Accept(one!);
        await RunAsync("rm x; mkdir x; echo 2 > x/y");
        var two = await ScanAsync();
        _upper.Accept(two!);
        await RunAsync("rm -r x; ln -s file x");
        var three = await ScanAsync();

        var tree = TreeNode.FromIndex(_lower);
        one!.ApplyTo(tree);
        Assert.True(tree.Find("x")!.IsFile);
        two!.ApplyTo(tree);
        Assert.True(tree.Find("x/y")!.IsFile);
        three!.ApplyTo(tree);
        Assert.True(tree.Find("x")!.IsLink);
    }

    [Fact]
    public async Task Scan_SameSizeWrittenRightAfterAScan_IsFound()
    {
        await RunAsync("echo 1 > x");
        _upper.Accept((await ScanAsync())!);
        File.WriteAllText(Path.Combine(_folder.Path, "merged/x"), "2\n");

        var after = await ApplyAsync(_lower, (await ScanAsync())!);

        Assert.Equal("2\n"u8, _tier.ReadFile(after, after.Find("x")));
    }

    [Fact]
    public async Task Scan_LinksToOutside_AreNotFollowed()
    {
        await RunAsync("ln -s /etc etc; ln -s /etc/passwd passwd");

        var after = await ApplyAsync(_lower, (await ScanAsync())!);

        Assert.True(after.GetNode(after.Find("etc")).IsLink && after.GetNode(after.Find("passwd")).IsLink);
    }

    [Fact]
    public async Task Scan_TenThousandFilesUnchanged_TakesMilliseconds()
    {
        await RunAsync("for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do echo $d.$f > d$d/f$f; done; done");
        await Task.Delay(100, Cancel);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        _upper.Accept((await ScanAsync())!);
        var first = clock.Elapsed;
        await ScanAsync();
        clock.Restart();

        Assert.Null(await ScanAsync());

        TestContext.Current.SendDiagnosticMessage($"first {first.TotalMilliseconds:0} ms, unchanged {clock.Elapsed.TotalMilliseconds:0} ms");
        Assert.InRange(clock.Elapsed.TotalMilliseconds, 0, 1000);
    }

    private Task RunAsync(string script) => _folder.ShellAsync($"cd merged; {script}");

    private async Task<OverlayDelta?> ScanAsync()
    {
        using var writer = new ContentWriter(_tier, _catalog);
        var delta = await _upper.ScanAsync(writer, Cancel);

        // What was found is stored for the trees to come.
        await writer.FinishAsync(TreeNode.Directory(), Cancel);
        return delta;
    }

    private async Task<string[]> ChangedAsync()
    {
        var tree = TreeNode.Directory();
        (await ScanAsync())!.ApplyTo(tree);
        return [.. tree.Children.Keys.Select(static n => n.ToString())];
    }

    private async Task<ImageIndex> ApplyAsync(ImageIndex to, OverlayDelta delta)
    {
        var root = TreeNode.FromIndex(to);
        delta.ApplyTo(root);
        return await FinishAsync(root);
    }

    private async Task<ImageIndex> FinishAsync(TreeNode root)
    {
        using var writer = new ContentWriter(_tier, _catalog);
        return await writer.FinishAsync(root, Cancel);
    }

    private static string Names(ImageIndex index)
    {
        var names = new List<string>();
        for (var n = 1; n < index.NodeCount; n++)
        {
            var path = System.Text.Encoding.UTF8.GetString(index.GetName(n));
            for (var p = index.GetNode(n).Parent; p > 0; p = index.GetNode(p).Parent)
            {
                path = System.Text.Encoding.UTF8.GetString(index.GetName(p)) + "/" + path;
            }

            names.Add(path);
        }

        names.Sort(StringComparer.Ordinal);
        return string.Join(' ', names);
    }
}
