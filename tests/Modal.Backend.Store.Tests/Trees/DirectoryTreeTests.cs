using System.Runtime.InteropServices;
using System.Text;
using Modal.Backend.Store.Digests;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Trees;

public sealed partial class DirectoryTreeTests
{
    internal const string AllKinds = """
        umask 022
        mkdir -p empty deep/a/b/c 'with space' many
        echo hello > file; : > nothing; echo 'ünï' > 'ünïcode'; printf x > "$(printf 'bad\xff\xfename')"
        chmod 4751 file; ln file deep/a/hard; ln -s ../file deep/link; ln -s /etc/passwd outside; ln -s nowhere dangling
        mkfifo pipe; mknod null c 1 3 2>/dev/null || true
        head -c 1500000 /dev/urandom > large; head -c 131072 /dev/zero > edge; head -c 131073 /dev/zero > edge1; head -c 524288 /dev/urandom > one; truncate -s 3M sparse
        for i in $(seq 300); do echo "$i" > "many/f$i"; done; cp large copy
        touch -d '1969-12-31 23:59:58.5 UTC' 'with space'; touch -d '2030-01-02 03:04:05.123456789 UTC' file
        chmod 1777 empty; printf '%s' "$(printf 'n%.0s' $(seq 255))" > "$(printf 'n%.0s' $(seq 255))"
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Scan_AllKindsOfFiles_AreInTheIndexAsTheyAre()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync(AllKinds);
        var tier = new DictionaryTier();
        var index = await IngestAsync(folder.Path, tier, new ContentCatalog());

        Assert.Equal("hello\n"u8, tier.ReadFile(index, index.Find("file")));
        Assert.Equal(0b100_111_101_001, index.GetNode(index.Find("file")).Mode & 0xFFF);
        Assert.Equal((1893553445, 123456789u), (index.GetNode(index.Find("file")).ModifiedSeconds, index.GetNode(index.Find("file")).ModifiedNanoseconds));
        Assert.Equal((-2, 500_000_000u), (index.GetNode(index.Find("with space")).ModifiedSeconds, index.GetNode(index.Find("with space")).ModifiedNanoseconds));
        Assert.Equal("/etc/passwd"u8, index.GetTarget(index.Find("outside")));
        Assert.Equal(2, index.GetNode(index.Find("file")).LinkCount);
        Assert.Equal(index.GetNode(index.Find("file")).Leader, index.GetNode(index.Find("deep/a/hard")).Leader);
        Assert.Equal(NodeModes.Fifo, index.GetNode(index.Find("pipe")).Mode & NodeModes.KindMask);
        Assert.Equal(-1, index.Find("null"));
        Assert.Equal(-1, index.GetBlobNumber(index.Find("nothing")));
        Assert.Equal(0b001_111_111_111, index.GetNode(index.Find("empty")).Mode & 0xFFF);
        Assert.True(index.Lookup(0, [.. "bad"u8, 0xFF, 0xFE, .. "name"u8]) > 0);
        foreach (var name in new[] { "large", "copy", "edge", "edge1", "one", "sparse", "ünïcode", new string('n', 255), "many/f300" })
        {
            Assert.Equal(Digest.Of(await File.ReadAllBytesAsync(Path.Combine(folder.Path, name), Cancel)), Digest.Of(tier.ReadFile(index, index.Find(name))));
        }

        Assert.Equal(2 + 2, index.GetNode(index.Find("deep")).LinkCount + index.GetNode(index.Find("deep/a/b/c")).LinkCount - 1);
    }

    [Fact]
    public async Task Scan_FilesMadeInAnyOrder_LieInTheirChunkInTheOrderOfTheTree()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("for i in $(seq 100 199 | shuf --random-source=/bin/sh); do echo content-$i > f$i; done");

        var index = await IngestAsync(folder.Path, new DictionaryTier(), new ContentCatalog());

        var offsets = Enumerable.Range(100, 100).Select(i => index.GetBlob(index.GetBlobNumber(index.Find($"f{i}"))).OffsetInChunk).ToList();
        Assert.Equal(offsets.Order(), offsets);
    }

    [Fact]
    public async Task Scan_ExtendedAttributes_AreKeptAndSorted()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("echo x > f");
        var file = Path.Combine(folder.Path, "f");
        if (SetAttribute(file, "user.b", [2], 1, 0) != 0 || SetAttribute(file, "user.a", [1, 1], 2, 0) != 0)
        {
            Assert.Skip("The file system of temporary files has no extended attributes.");
        }

        var index = await IngestAsync(folder.Path, new DictionaryTier(), new ContentCatalog());

        Assert.Equal(
            [("user.a", "0101"), ("user.b", "02")],
            index.GetAttributes(index.Find("f")).Select(a => (Encoding.UTF8.GetString(a.Name.Span), Convert.ToHexString(a.Value.Span))));
    }

    [Fact]
    public async Task Scan_SameTreeTwice_HasTheSameIdAndStoresOnlyAnIndex()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync(AllKinds);
        var tier = new DictionaryTier();
        var catalog = new ContentCatalog();
        var first = await IngestAsync(folder.Path, tier, catalog);
        var objects = tier.Objects.Count;
        using var writer = new ContentWriter(tier, catalog);

        var second = await writer.FinishAsync(await DirectoryTree.ScanAsync(folder.Path, writer, Cancel), Cancel);

        Assert.Equal(first.Id, second.Id);
        Assert.Equal(0, writer.NewBytes);
        Assert.Equal(objects + 1, tier.Objects.Count);
    }

    [Fact]
    public async Task Scan_OtherStore_HasTheSameId()
    {
        using var folder = new TemporaryFolder();
        using var other = new TemporaryFolder();
        await folder.ShellAsync(AllKinds);
        await other.ShellAsync("head -c 900000 /dev/urandom > a; echo hello > b");
        var catalog = new ContentCatalog();
        var tier = new DictionaryTier();
        await IngestAsync(other.Path, tier, catalog);

        var index = await IngestAsync(folder.Path, tier, catalog);

        Assert.Equal((await IngestAsync(folder.Path, new DictionaryTier(), new ContentCatalog())).Id, index.Id);
        Assert.Equal("hello\n"u8, tier.ReadFile(index, index.Find("file")));
    }

    [Fact]
    public async Task FromIndex_WrittenAgain_IsTheSameImage()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync(AllKinds);
        var tier = new DictionaryTier();
        var catalog = new ContentCatalog();
        var index = await IngestAsync(folder.Path, tier, catalog);
        using var writer = new ContentWriter(tier, catalog);

        var again = await writer.FinishAsync(TreeNode.FromIndex(index), Cancel);

        Assert.Equal(index.Id, again.Id);
    }

    [Fact]
    public async Task Finish_PackWasRemoved_SaysSoAndStoresNoIndex()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("echo hello > b");
        var tier = new DictionaryTier();
        var catalog = new ContentCatalog();
        await IngestAsync(folder.Path, tier, catalog);
        tier.Objects.Clear();

        await Assert.ThrowsAsync<StalePlacementException>(() => IngestAsync(folder.Path, tier, catalog));

        Assert.Empty(tier.Objects);
    }

    internal static async Task<ImageIndex> IngestAsync(string path, DictionaryTier tier, ContentCatalog catalog)
    {
        using var writer = new ContentWriter(tier, catalog);
        return await writer.FinishAsync(await DirectoryTree.ScanAsync(path, writer, Cancel), Cancel);
    }

    [LibraryImport("libc", EntryPoint = "setxattr", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetAttribute(string path, string name, byte[] value, nuint size, int flags);
}
