using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Images.Tests.Layers;

/// <summary>Archives that were cut off, damaged or made to do harm.</summary>
public sealed class HostileTarTests : IDisposable
{
    private readonly ContentWriter _writer = new(new MemoryTier(TimeProvider.System), new ContentCatalog());
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _writer.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Apply_EmptyLayer_ChangesNothing()
    {
        var root = TreeNode.Directory();

        await ApplyAsync(root, new byte[1024]);

        Assert.Empty(root.Children);
    }

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task Apply_CutOffAnywhere_IsRefused(string compress)
    {
        await _folder.ShellAsync($"""
            command -v {compress} >/dev/null || apt-get install -y -qq {compress} >/dev/null
            mkdir src; cd src; head -c 3000 /dev/urandom > a; echo 2 > b; : > c; tar -cb1 . | {compress} > ../layer.tar
            """);
        var whole = await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "layer.tar"), Cancel);

        // One block of zeros is an end, though there are usually two; and a compressed archive whose checksum alone is cut off has all that it had.
        var end = whole.Length - (compress == "cat" ? 1024 : 64);
        for (var length = 0; length < end; length += compress == "cat" ? 256 : 61)
        {
            await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(TreeNode.Directory(), whole[..length]));
        }

        await ApplyAsync(TreeNode.Directory(), whole);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task Apply_SeveralCompressedParts_AreOne(string compress)
    {
        // Programs that compress in parallel, or let parts be fetched alone, make such.
        await _folder.ShellAsync($"""
            command -v {compress} >/dev/null || apt-get install -y -qq {compress} >/dev/null
            mkdir src; cd src; head -c 300000 /dev/urandom > a; echo 2 > z; tar -cf ../t .; cd ..; head -c 100000 t | {compress} > layer.tar; tail -c +100001 t | {compress} >> layer.tar
            """);
        var root = TreeNode.Directory();

        await ApplyAsync(root, await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "layer.tar"), Cancel));

        Assert.Equal(300000, root.Find("a")!.Content!.SizeBytes);
        Assert.NotNull(root.Find("z"));
    }

    [Theory]
    [InlineData("xz")]
    [InlineData("bzip2")]
    public async Task Apply_OtherCompression_SaysWhichAreRead(string compress)
    {
        await _folder.ShellAsync($"command -v {compress} >/dev/null || apt-get install -y -qq {(compress == "xz" ? "xz-utils" : compress)} >/dev/null; tar -c /etc/hostname 2>/dev/null | {compress} > layer.tar");

        var error = await Assert.ThrowsAsync<LayerException>(async () => await ApplyAsync(TreeNode.Directory(), await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "layer.tar"), Cancel)));

        Assert.Contains("use gzip, zstd or nothing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_OneFileThatIsABomb_IsRefusedBeforeItFillsTheDisk()
    {
        // A file of 64 GiB, of which 3 GiB of zeros are there: found to be cut off only by who reads all of it.
        var compressed = Bomb(Header("zeros", 64L << 30));

        var error = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(TreeNode.Directory(), compressed));

        Assert.Contains("bomb", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_SparseFileOfNothing_IsRefusedAsABomb()
    {
        await _folder.ShellAsync("mkdir src; cd src; truncate -s 500G holes; tar --format=posix -Scf ../layer.tar .");

        var error = await Assert.ThrowsAsync<LayerException>(async () => await ApplyAsync(TreeNode.Directory(), await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "layer.tar"), Cancel)));

        Assert.Contains("bomb", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_HugeHeader_IsRefusedUnread()
    {
        var header = Header("././@LongLink", 1L << 33, (byte)'L');

        var error = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(TreeNode.Directory(), header));

        Assert.Contains("1,048,576 are possible", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_FoldersThatAreNotEntries_CountAsSuch()
    {
        var error = await Assert.ThrowsAsync<LayerException>(async () => await ApplyAsync(
            TreeNode.Directory(), await TarAsync(new PaxTarEntry(TarEntryType.RegularFile, string.Join('/', Enumerable.Repeat("d", 1000)))), new LayerLimits { MaxEntries = 500 }));

        Assert.Contains("more than 500 entries", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_PathThatLinuxCannotHave_IsRefused()
    {
        var error = await Assert.ThrowsAsync<LayerException>(async () => await ApplyAsync(
            TreeNode.Directory(), await TarAsync(new PaxTarEntry(TarEntryType.RegularFile, string.Join('/', Enumerable.Repeat("d", 3000))))));

        Assert.Contains("4,095 are possible", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_HardLinkThroughALink_IsRefused()
    {
        var root = TreeNode.Directory();
        var archive = await TarAsync(
            new PaxTarEntry(TarEntryType.RegularFile, "real/file"),
            new PaxTarEntry(TarEntryType.SymbolicLink, "link") { LinkName = "real" },
            new PaxTarEntry(TarEntryType.HardLink, "hard") { LinkName = "link/file" });

        var error = await Assert.ThrowsAsync<LayerException>(() => ApplyAsync(root, archive));

        Assert.Contains("'hard' is another name of 'link/file', which is not there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_OpaqueWhiteoutAfterEntries_HidesOnlyWhatWasBelow()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, await TarAsync(NewFile("d/sub/old"), NewFile("d/sub2/old"), NewFile("d/old")));

        // d/sub is described again, d/sub2 only holds something new.
        await ApplyAsync(root, await TarAsync(new PaxTarEntry(TarEntryType.Directory, "d/sub/"), NewFile("d/sub2/new"), NewFile("d/.wh..wh..opq")));

        Assert.Equal(["d", "d/sub", "d/sub2", "d/sub2/new"], Listing.Of(root).Select(l => l.Split(' ')[0]));
    }

    [Fact]
    public async Task Apply_DeviceOverAFile_RemovesTheFile()
    {
        var root = TreeNode.Directory();
        await ApplyAsync(root, await TarAsync(NewFile("x")));

        await ApplyAsync(root, await TarAsync(new PaxTarEntry(TarEntryType.CharacterDevice, "x")));

        Assert.Empty(root.Children);
    }

    [Fact]
    public async Task Apply_FilesOfAufs_AreLeftOut()
    {
        var root = TreeNode.Directory();

        await ApplyAsync(root, await TarAsync(NewFile(".wh..wh.aufs"), NewFile(".wh..wh.plnk/1.2"), NewFile("x")));

        Assert.Equal("x", Assert.Single(root.Children).Key.ToString());
    }

    [Theory]
    [InlineData("gnu")]
    [InlineData("posix --sparse-version=0.0")]
    [InlineData("posix --sparse-version=0.1")]
    [InlineData("posix --sparse-version=1.0")]
    public async Task Apply_DamagedHeaders_AreRefusedOrHarmless(string format)
    {
        await _folder.ShellAsync($"mkdir src; cd src; for i in $(seq 0 30); do printf $i | dd of=holes bs=1 seek=$((i * 20000)) conv=notrunc status=none; done; n=$(printf 'n%.0s' $(seq 150)); echo 1 > $n; ln -s $n link; tar --format={format} -b1 -Scf ../layer.tar .");
        var original = await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "layer.tar"), Cancel);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = (byte[])original.Clone();

            // With its sum made right again: damage would otherwise end at it.
            var block = random.Next(bytes.Length / 512) * 512;
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                bytes[block + random.Next(512)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)('0' + random.Next(10));
            }

            Sum(bytes.AsSpan(block, 512));
            try
            {
                await ApplyAsync(TreeNode.Directory(), bytes, new LayerLimits { MaxBytes = 10_000_000 });
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

    private static PaxTarEntry NewFile(string name) => new(TarEntryType.RegularFile, name);

    private static async Task<byte[]> TarAsync(params TarEntry[] entries)
    {
        using var archive = new MemoryStream();
        await using (var tar = new TarWriter(archive, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                await tar.WriteEntryAsync(entry, Cancel);
            }
        }

        return archive.ToArray();
    }

    private static byte[] Header(string name, long sizeBytes, byte kind = (byte)'0')
    {
        var header = new byte[512];
        Encoding.UTF8.GetBytes(name).CopyTo(header, 0);
        "0000644\0"u8.CopyTo(header.AsSpan(100));
        header[124] = 0x80;
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(128), sizeBytes);
        header[156] = kind;
        Sum(header);
        return header;
    }

    private static void Sum(Span<byte> header)
    {
        "        "u8.CopyTo(header[148..]);
        var sum = 0;
        foreach (var b in header)
        {
            sum += b;
        }

        Encoding.UTF8.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }

    // The header, then 3 GiB of zeros: the same compressed part again and again.
    private static byte[] Bomb(byte[] header)
    {
        using var bomb = new MemoryStream();
        bomb.Write(Gzip(header));
        var zeros = Gzip(new byte[64 * 1024 * 1024]);
        for (var i = 0; i < 48; i++)
        {
            bomb.Write(zeros);
        }

        return bomb.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }

    private Task ApplyAsync(TreeNode root, byte[] archive, LayerLimits? limits = null) =>
        TarLayer.ApplyAsync(root, new MemoryStream(archive), _writer, limits ?? new LayerLimits(), Cancel);
}
