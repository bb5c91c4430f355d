using System.Globalization;
using System.Text;
using CliWrap;
using Modal.Backend.Images.Layers;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Images.Tests.Layers;

/// <summary>What the kinds of tar archives that exist hold, made with GNU tar and compared with what it unpacks.</summary>
public sealed class TarFormatTests : IDisposable
{
    private readonly ContentWriter _writer = new(new MemoryTier(TimeProvider.System), new ContentCatalog());
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _writer.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("--format=gnu")]
    [InlineData("--format=posix --sparse-version=0.0")]
    [InlineData("--format=posix --sparse-version=0.1")]
    [InlineData("--format=posix --sparse-version=1.0")]
    public async Task Apply_SparseFiles_HaveTheirHoles(string format) =>
        await CheckAsync(
            "truncate -s 5M holes; for at in 0 1000000 2000000 3000000 4000000; do printf data | dd of=holes bs=1 seek=$at conv=notrunc status=none; done; truncate -s 3M nothing; "
            + "n=$(printf 'n%.0s' $(seq 150)); mkdir $n; cp --sparse=always holes $n/$n; for i in $(seq 0 40); do printf $i | dd of=many bs=1 seek=$((i * 70000)) conv=notrunc status=none; done; echo after > z",
            $"{format} -S");

    [Theory]
    [InlineData("--format=v7")]
    [InlineData("--format=ustar")]
    [InlineData("--format=gnu")]
    [InlineData("--format=oldgnu")]
    [InlineData("--format=posix")]
    public async Task Apply_EachFormat_IsWhatTarUnpacks(string format) =>
        await CheckAsync("mkdir d; echo 1 > d/a; ln d/a b; ln -s d/a c; chown 1234:4321 b; touch -d '1975-03-04 05:06:07' d/a; chmod 2751 d", format);

    [Theory]
    [InlineData("gnu")]
    [InlineData("posix")]
    public async Task Apply_NamesThatAreNotUtf8_KeepTheirBytes(string format) =>
        await CheckAsync("""echo 1 > $'latin\xe9'; echo 2 > $'latin\xe8'; mkdir $'d\xff'; echo 3 > $'d\xff/x'; ln -s $'t\xfe' link; ln $'latin\xe9' hard""", $"--format={format}");

    [Fact]
    public async Task Apply_ArchiveOfGit_IsRead()
    {
        await _folder.ShellAsync("git init -q src; cd src; echo 1 > a; git add a; git -c user.name=n -c user.email=e commit -qm m; git archive HEAD > ../layer.tar");

        Assert.NotNull((await ApplyAsync()).Find("a"));
    }

    [Fact]
    public async Task Apply_TimesOfPax_KeepNanoseconds()
    {
        await _folder.ShellAsync("mkdir src; cd src; echo 1 > a; echo 2 > b; touch -d @1700000000.123456789 a; touch -d @-5.25 b; tar --format=posix -cf ../layer.tar .");

        var root = await ApplyAsync();

        Assert.Equal((1700000000L, 123456789u), (root.Find("a")!.ModifiedSeconds, root.Find("a")!.ModifiedNanoseconds));
        Assert.Equal((-6L, 750000000u), (root.Find("b")!.ModifiedSeconds, root.Find("b")!.ModifiedNanoseconds));
    }

    [Fact]
    public async Task Apply_Attributes_KeepTheirBytes()
    {
        await _folder.ShellAsync("command -v setfattr >/dev/null || apt-get install -y -qq attr >/dev/null");
        var made = await Cli.Wrap("bash").WithArguments(["-euc", "mkdir src; cd src; echo 1 > a; setfattr -n user.bin -v 0x0100000200240ac000ff3d a; setfattr -n user.text -v 'ä=1' a; tar --format=posix --xattrs -cf ../layer.tar ."])
            .WithWorkingDirectory(_folder.Path).WithValidation(CommandResultValidation.None).ExecuteAsync(Cancel);
        Assert.SkipUnless(made.IsSuccess, "The file system of the temporary folder has no extended attributes, or setfattr is missing.");

        var attributes = (await ApplyAsync()).Find("a")!.Attributes.ToDictionary(a => Encoding.UTF8.GetString(a.Name.Span), a => Convert.ToHexString(a.Value.Span));

        Assert.Equal("0100000200240AC000FF3D", attributes["user.bin"]);
        Assert.Equal(Convert.ToHexString("ä=1"u8), attributes["user.text"]);
    }

    private async Task CheckAsync(string make, string options)
    {
        await _folder.ShellAsync(string.Create(CultureInfo.InvariantCulture, $"mkdir src out; cd src; {make}; tar {options} -cf ../layer.tar .; tar -xf ../layer.tar -C ../out --same-owner"));
        var root = await ApplyAsync();

        var unpacked = await DirectoryTree.ScanAsync(Path.Combine(_folder.Path, "out"), _writer, Cancel);
        Assert.Equal(Listing.Of(unpacked), Listing.Of(root));
    }

    private async Task<TreeNode> ApplyAsync()
    {
        var root = TreeNode.Directory();
        await using var archive = File.OpenRead(Path.Combine(_folder.Path, "layer.tar"));
        await TarLayer.ApplyAsync(root, archive, _writer, new LayerLimits(), Cancel);
        return root;
    }
}
