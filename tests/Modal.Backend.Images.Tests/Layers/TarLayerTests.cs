using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Images.Tests.Layers;

public sealed class TarLayerTests : IDisposable
{
    private readonly ContentWriter _writer = new(new MemoryTier(TimeProvider.System), new ContentCatalog());

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _writer.Dispose();

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task Apply_ArchiveOfEverything_IsWhatTarUnpacks(string compress)
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync($"""
            command -v {compress} >/dev/null || apt-get install -y -qq {compress} >/dev/null
            mkdir -p src/a/b src/empty out; cd src; echo one > a/one; head -c 900000 /dev/urandom > a/b/large; : > a/nothing; ln -s ../x a/link; ln a/one a/b/hard; mkfifo pipe
            chmod 4750 a/one; chmod 1777 empty; echo u > 'a/ünï'; echo l > "a/$(printf 'n%.0s' $(seq 200))"; mkdir -p "$(printf 'd%.0s' $(seq 120))/$(printf 'e%.0s' $(seq 120))"; truncate -s 1M a/sparse
            chown -h 12:34 a/link; chown 1000:1000 a/b
            tar -c . | {compress} > ../layer.tar; cd ..; tar -xf layer.tar -C out --same-owner 2>/dev/null || ({compress} -d < layer.tar | tar -x -C out --same-owner)
            """);
        var root = TreeNode.Directory();
        await using (var archive = File.OpenRead(Path.Combine(folder.Path, "layer.tar")))
        {
            await TarLayer.ApplyAsync(root, archive, _writer, new LayerLimits(), Cancel);
        }

        var unpacked = await DirectoryTree.ScanAsync(Path.Combine(folder.Path, "out"), _writer, Cancel);
        Assert.Equal(Listing.Of(unpacked), Listing.Of(root));
        Assert.Same(root.Find("a/one"), root.Find("a/b/hard"));
    }

    [Fact]
    public async Task Apply_Whiteouts_RemoveWhatIsBelow()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, F("gone", "1"), F("kept", "2"), F("dir/old", "3"), F("dir/old2", "4"), F("removed/x", "5"));

        await ApplyAsync(root, F(".wh.gone", ""), F("dir/new", "6"), F("dir/.wh..wh..opq", ""), F("dir/newer", "7"), F(".wh.removed", ""), F(".wh.never", ""));

        Assert.Equal(["dir", "dir/new", "dir/newer", "kept"], Listing.Of(root).Select(l => l.Split(' ')[0]));
    }

    [Fact]
    public async Task Apply_OpaqueFolderAfterWhatIsInIt_HidesAllThatIsBelow()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, F("dir/sub/old", "1"), F("dir/again/old", "2"), F("dir/gone/old", "3"), F("beside/old", "4"));

        await ApplyAsync(root, F("dir/sub/new", "5"), new PaxTarEntry(TarEntryType.Directory, "dir/again"), F("dir/.wh..wh..opq", ""), F("dir/.wh..wh..opq", ""));

        Assert.Equal(["beside", "beside/old", "dir", "dir/again", "dir/sub", "dir/sub/new"], Listing.Of(root).Select(l => l.Split(' ')[0]));
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("0.1")]
    public async Task Apply_SparseFile_HasItsHoles(string version)
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync($"""
            mkdir in; cd in; truncate -s 3M ends-in-a-hole; printf begin | dd of=ends-in-a-hole conv=notrunc status=none; printf middle | dd of=ends-in-a-hole bs=1 seek=1234567 conv=notrunc status=none
            truncate -s 2M all-hole; truncate -s 900K ends-in-bytes; head -c 5000 /dev/urandom >> ends-in-bytes; echo plain > plain
            tar --format=posix --sparse --sparse-version={version} -cf ../layer.tar .
            """);
        var root = TreeNode.Directory();
        await using (var archive = File.OpenRead(Path.Combine(folder.Path, "layer.tar")))
        {
            Assert.True(archive.Length < 100_000, "The archive is not sparse.");
            await TarLayer.ApplyAsync(root, archive, _writer, new LayerLimits(), Cancel);
        }

        var original = await DirectoryTree.ScanAsync(Path.Combine(folder.Path, "in"), _writer, Cancel);
        Assert.Equal(Listing.Of(original), Listing.Of(root));
    }

    [Fact]
    public async Task Apply_SparseFileInTheOldFormat_SaysWhatToDo()
    {
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("truncate -s 3M hole; tar --format=gnu --sparse -cf layer.tar hole");
        await using var archive = File.OpenRead(Path.Combine(folder.Path, "layer.tar"));

        var error = await Assert.ThrowsAsync<LayerException>(() => TarLayer.ApplyAsync(TreeNode.Directory(), archive, _writer, new LayerLimits(), Cancel));

        Assert.Contains("tar --format=posix", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", "100", "1\n0\n5\n", "hello", null)]
    [InlineData("1", "100", "1\n98\n5\n", "hello", "map of the sparse file")]
    [InlineData("1", "100", "2\n0\n5\n3\n0\n", "hello", "map of the sparse file")]
    [InlineData("1", "100", "1\n0\n500\n", "hello", "map of the sparse file")]
    [InlineData("1", "100", "1\n-1\n5\n", "hello", "map of the sparse file")]
    [InlineData("1", "100", "99999999999999999999\n", "hello", "map of the sparse file")]
    [InlineData("1", "100", "99999999\n", "hello", "can have")]
    [InlineData("1", "-5", "0\n", "", "map of the sparse file")]
    [InlineData("1", "9223372036854775807", "1\n0\n5\n", "hello", "limit of an image")]
    [InlineData("0", "100", "", "hello", "does not know")]
    public async Task Apply_MapOfASparseFile_IsCheckedBeforeItIsUsed(string major, string size, string map, string content, string? reason)
    {
        var bytes = Encoding.ASCII.GetBytes(map.PadRight(512, '\0') + content);
        var entry = new PaxTarEntry(TarEntryType.RegularFile, "made/up", new Dictionary<string, string>
        {
            ["GNU.sparse.major"] = major,
            ["GNU.sparse.minor"] = "0",
            ["GNU.sparse.name"] = "real",
            ["GNU.sparse.realsize"] = size,
        })
        { DataStream = new MemoryStream(bytes) };
        var root = TreeNode.Directory();

        var error = await Record.ExceptionAsync(() => ApplyAsync(root, entry));

        Assert.Equal(reason is null ? null : typeof(LayerException), error?.GetType());
        Assert.Contains(reason ?? "", error?.Message ?? "", StringComparison.Ordinal);
        Assert.Equal(reason is null ? 100 : null, root.Find("real")?.Content?.SizeBytes);
    }

    [Fact]
    public async Task Apply_ExtendedAttributes_AreTheFiles()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/usr/bin/setfattr") && File.Exists("/usr/sbin/setcap"), "Needs root, and the packages attr and libcap2-bin.");
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("""
            mkdir in; cd in; echo x > x; setfattr -n user.note -v "a=b c" x; cp /bin/true able; setcap cap_net_raw+ep able; mkdir d; setfattr -n user.d -v 1 d
            tar --format=posix --xattrs --xattrs-include='*' -cf ../layer.tar .
            """);
        var root = TreeNode.Directory();
        await using (var archive = File.OpenRead(Path.Combine(folder.Path, "layer.tar")))
        {
            await TarLayer.ApplyAsync(root, archive, _writer, new LayerLimits(), Cancel);
        }

        var original = await DirectoryTree.ScanAsync(Path.Combine(folder.Path, "in"), _writer, Cancel);
        foreach (var path in new[] { "x", "able", "d" })
        {
            Assert.NotEmpty(root.Find(path)!.Attributes);
            Assert.Equal(Attributes(original.Find(path)!), Attributes(root.Find(path)!));
        }

        static IEnumerable<string> Attributes(TreeNode node) =>
            node.Attributes.Select(a => $"{Encoding.UTF8.GetString(a.Name.Span)}={Convert.ToHexString(a.Value.Span)}").Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Apply_FileOverAFolderAndFolderOverALink_Replaces()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, F("usr/lib/x", "1"), L("lib", "usr/lib"), F("folder/in", "2"));

        await ApplyAsync(root, F("folder", "now a file"), F("lib/y", "3"));

        Assert.True(root.Find("folder")!.IsFile);
        Assert.NotNull(root.Find("usr/lib/y"));
        Assert.True(root.Find("lib")!.IsLink);
    }

    public static TheoryData<string, string> Hostile() => new()
    {
        { "../outside", "'..'" },
        { "a/../../outside", "'..'" },
        { "link/../../x", "'..'" },
        { "file/below", "no folder" },
        { "absolute/x", "no folder" },
        { "up/x", "no folder" },
        { new string('n', 256), "no file can have" },
        { ".wh...", "no file can have" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task Apply_NameThatLeadsElsewhere_IsRefused(string name, string reason)
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, F("file", "1"), L("absolute", "/etc"), L("up", "../../etc"), L("link", "file"));

        var error = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(root, F(name, "x")));

        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_HardLinkToWhatIsNotThere_IsRefused()
    {
        foreach (var target in new[] { "missing", "../../etc/passwd", "/", "dir" })
        {
            var root = TreeNode.Directory();
            await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(root, F("dir/x", ""), new PaxTarEntry(TarEntryType.HardLink, "h") { LinkName = target }));
        }
    }

    [Fact]
    public async Task Apply_Devices_AreLeftOut()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, F("x", "1"), new PaxTarEntry(TarEntryType.CharacterDevice, "null") { DeviceMajor = 1, DeviceMinor = 3 });

        Assert.Null(root.Find("null"));
    }

    [Fact]
    public async Task Apply_MoreThanTheLimits_IsRefused()
    {
        var entries = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(TreeNode.Directory(), new LayerLimits { MaxEntries = 2 }, F("a", ""), F("b", ""), F("c", "")));
        var bytes = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(TreeNode.Directory(), new LayerLimits { MaxBytes = 5 }, F("a", "123"), F("b", "456")));

        Assert.Contains("more than 2 entries", entries.Message, StringComparison.Ordinal);
        Assert.Contains("more than 5 bytes", bytes.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_DecompressionBomb_IsRefusedLongBeforeItsEnd()
    {
        // 3 GiB of zeros in a few megabytes, made without ever being whole.
        using var archive = new MemoryStream();
        await using (var gzip = new GZipStream(archive, CompressionLevel.Fastest, leaveOpen: true))
        await using (var tar = new TarWriter(gzip, leaveOpen: true))
        {
            var zeros = new byte[64 * 1024 * 1024];
            for (var i = 0; i < 48; i++)
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, $"zeros{i}") { DataStream = new MemoryStream(zeros) }, Cancel);
            }
        }

        archive.Position = 0;
        var error = await Assert.ThrowsAsync<LayerException>(() => TarLayer.ApplyAsync(TreeNode.Directory(), archive, _writer, new LayerLimits { MaxRatio = 100 }, Cancel));

        Assert.Contains("bomb", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_DamagedBytes_AreRefusedOrHarmless()
    {
        using var archive = new MemoryStream();
        await WriteAsync(archive, F("dir/a", new string('x', 3000)), L("link", "dir"), F("b", "1"), new PaxTarEntry(TarEntryType.HardLink, "h") { LinkName = "b" });
        var (seed, original) = (Environment.TickCount, archive.ToArray());
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = (byte[])original.Clone();
            for (var i = random.Next(1, 5); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var cut = random.Next(3) == 0 ? random.Next(bytes.Length) : bytes.Length;
            try
            {
                await TarLayer.ApplyAsync(TreeNode.Directory(), new MemoryStream(bytes, 0, cut), _writer, new LayerLimits { MaxBytes = 100_000_000 }, Cancel);
            }
            catch (LayerException)
            {
                // What damage is meant to end in.
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed}, round {round}: {e}");
            }
        }
    }

    [Fact]
    public async Task Apply_NoArchive_SaysSo()
    {
        foreach (var bytes in new[] { [], "this is no archive at all, whatever one may think of it"u8.ToArray(), new byte[1024] })
        {
            await Assert.ThrowsAsync<LayerException>(() => TarLayer.ApplyAsync(TreeNode.Directory(), new MemoryStream(bytes), _writer, new LayerLimits(), Cancel));
        }
    }

    private static PaxTarEntry F(string name, string content) => new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };

    private static PaxTarEntry L(string name, string target) => new(TarEntryType.SymbolicLink, name) { LinkName = target };

    private static async Task WriteAsync(Stream stream, params TarEntry[] entries)
    {
        await using var tar = new TarWriter(stream, leaveOpen: true);
        foreach (var entry in entries)
        {
            await tar.WriteEntryAsync(entry, Cancel);
        }
    }

    private Task ApplyAsync(TreeNode root, params TarEntry[] entries) => ApplyAsync(root, new LayerLimits(), entries);

    private async Task ApplyAsync(TreeNode root, LayerLimits limits, params TarEntry[] entries)
    {
        using var archive = new MemoryStream();
        await WriteAsync(archive, entries);
        archive.Position = 0;
        await TarLayer.ApplyAsync(root, archive, _writer, limits, Cancel);
    }
}
