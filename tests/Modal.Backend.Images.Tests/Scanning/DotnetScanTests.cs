using System.Text;
using Modal.Backend.Images.Definitions;
using Modal.Backend.Images.Scanning;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Images.Tests.Scanning;

public sealed class DotnetScanTests
{
    private static readonly byte[] s_loader = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0, 1];

    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal)
    {
        ["usr/lib64/ld-linux-x86-64.so.2"] = s_loader,
        ["usr/lib/x86_64-linux-gnu/libc.so.6"] = Libc("2.36", "GLIBC_2.2.5", "GLIBC_2.27", "GLIBC_2.36"),
        ["usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30"] = [1],
        ["usr/lib/x86_64-linux-gnu/libgcc_s.so.1"] = [1],
        ["usr/lib/x86_64-linux-gnu/libssl.so.3"] = [1],
        ["etc/ssl/certs/ca-certificates.crt"] = [1],
        ["usr/share/zoneinfo/UTC"] = [1],
        ["usr/bin/apt-get"] = [1],
    };

    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal)
    {
        ["lib"] = "usr/lib",
        ["lib64"] = "usr/lib64",
        ["usr/lib/x86_64-linux-gnu/libstdc++.so.6"] = "libstdc++.so.6.0.30",
    };

    private ImageConfig _config = ImageConfig.Empty;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_ImageLikeDebian_FindsNothing() => Assert.Empty(await RunAsync());

    [Fact]
    public async Task Run_ThisMachine_FindsNothingFatal()
    {
        // What runs this test runs .NET.
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("""
            mkdir -p root/lib64; cp -L /lib64/ld-linux-x86-64.so.2 root/lib64/
            for name in libc.so.6 libstdc++.so.6 libgcc_s.so.1; do path=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | sed -n "s|^\s*$name (libc6,x86-64).* => ||p" | head -1); mkdir -p "root$(dirname "$path")"; cp -L "$path" "root$path"; done
            """);
        var tier = new MemoryTier(TimeProvider.System);
        using var writer = new ContentWriter(tier, new ContentCatalog());
        using var index = await writer.FinishAsync(await DirectoryTree.ScanAsync(Path.Combine(folder.Path, "root"), writer, Cancel), Cancel);

        var findings = await DotnetScan.RunAsync(tier, index, ImageConfig.Empty, Cancel);

        Assert.DoesNotContain(findings, f => f.IsFatal);
        Assert.Equal(3, findings.Count);
    }

    [Fact]
    public async Task Run_Nothing_SaysWhatToBeginWith()
    {
        _files.Clear();
        _links.Clear();

        var finding = Assert.Single(await RunAsync());

        Assert.True(finding.IsFatal);
        Assert.Contains("no glibc", finding.Problem, StringComparison.Ordinal);
        Assert.Contains("DebianSlim()", finding.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lib/ld-musl-x86_64.so.1", "has musl", "-alpine")]
    [InlineData("lib/ld-linux-aarch64.so.1", "is for arm64", "linux/amd64")]
    public async Task Run_AnotherKindOfSystem_SaysWhich(string loader, string problem, string advice)
    {
        _files.Clear();
        _links.Clear();
        _files[loader] = s_loader;

        var finding = Assert.Single(await RunAsync());

        Assert.True(finding.IsFatal);
        Assert.Contains(problem, finding.Problem, StringComparison.Ordinal);
        Assert.Contains(advice, finding.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(18, 183)]
    [InlineData(4, 1)]
    [InlineData(0, 0)]
    public async Task Run_LoaderForAnotherMachine_IsFatal(int at, byte value)
    {
        var loader = (byte[])s_loader.Clone();
        loader[at] = value;
        _files["usr/lib64/ld-linux-x86-64.so.2"] = loader;

        Assert.Contains("no program loader for x86-64", Assert.Single(await RunAsync()).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OldGlibc_SaysItsVersionAndTheNeededOne()
    {
        _files["usr/lib/x86_64-linux-gnu/libc.so.6"] = Libc("2.26", "GLIBC_2.2.5", "GLIBC_2.26");

        var finding = Assert.Single(await RunAsync());

        Assert.True(finding.IsFatal);
        Assert.Contains("glibc 2.26 is too old: .NET needs 2.27", finding.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_LargeGlibc_IsReadToItsEnd()
    {
        _files["usr/lib/x86_64-linux-gnu/libc.so.6"] = [.. RandomBytes(2_000_000), .. Libc("2.36", "GLIBC_2.27")];

        Assert.Empty(await RunAsync());
    }

    [Theory]
    [InlineData("usr/lib/x86_64-linux-gnu/libc.so.6", true, "no libc.so.6", "DebianSlim()")]
    [InlineData("usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", true, "no libstdc++.so.6", ".AptInstall(\"libstdc++6\")")]
    [InlineData("usr/lib/x86_64-linux-gnu/libgcc_s.so.1", true, "no libgcc_s.so.1", ".AptInstall(\"libgcc-s1\")")]
    [InlineData("usr/lib/x86_64-linux-gnu/libssl.so.3", false, "no OpenSSL", ".AptInstall(\"libssl3\")")]
    [InlineData("etc/ssl/certs/ca-certificates.crt", false, "no certificates", ".AptInstall(\"ca-certificates\")")]
    [InlineData("usr/share/zoneinfo/UTC", false, "no time zones", ".AptInstall(\"tzdata\")")]
    public async Task Run_WithoutOneFile_SaysWhatIsMissingAndHowToGetIt(string file, bool isFatal, string problem, string advice)
    {
        _files.Remove(file);

        var finding = Assert.Single(await RunAsync());

        Assert.Equal(isFatal, finding.IsFatal);
        Assert.Contains(problem, finding.Problem, StringComparison.Ordinal);
        Assert.Contains(advice, finding.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usr/bin/dnf", ".RunCommands(\"dnf install -y libstdc++\")")]
    [InlineData("usr/bin/microdnf", ".RunCommands(\"microdnf install -y libstdc++\")")]
    [InlineData("usr/bin/pacman", "Take an image that has it")]
    public async Task Run_AnotherPackageManager_AdvisesIt(string manager, string advice)
    {
        _files.Remove("usr/bin/apt-get");
        _files[manager] = [1];
        _links.Remove("usr/lib/x86_64-linux-gnu/libstdc++.so.6");

        Assert.Contains(advice, Assert.Single(await RunAsync()).Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_LibraryWhereOnlyTheCacheOrTheEnvironmentSays_IsFound()
    {
        Move("libstdc++.so.6.0.30", "opt/a/libstdc++.so.6");
        Move("libgcc_s.so.1", "opt/b/libgcc_s.so.1");
        Assert.Equal(2, (await RunAsync()).Count);

        _files["etc/ld.so.cache"] = Encoding.ASCII.GetBytes("glibc-ld.so.cache1.1\0libstdc++.so.6\0/gone/libstdc++.so.6\0/opt/a/libstdc++.so.6\0");
        _config = ImageConfig.Empty.With([KeyValuePair.Create("LD_LIBRARY_PATH", "/nowhere:/opt/b")]);

        Assert.Empty(await RunAsync());
    }

    [Fact]
    public async Task Run_LinksInCirclesAndOutside_EndInFindings()
    {
        _links.Clear();
        _links["lib64"] = "lib64";
        _links["lib"] = "../../../../usr/lib";
        _files.Remove("usr/share/zoneinfo/UTC");
        _links["usr/share/zoneinfo"] = "/usr/share/../share/zoneinfo";

        Assert.True(Assert.Single(await RunAsync()).IsFatal);
    }

    [Fact]
    public async Task Run_DamagedStore_SaysSo()
    {
        var tier = new MemoryTier(TimeProvider.System);
        using var writer = new ContentWriter(tier, new ContentCatalog());
        using var index = await writer.FinishAsync(await TreeAsync(writer), Cancel);
        await foreach (var pack in tier.ListAsync("pack", Cancel))
        {
            await tier.PutAsync(pack.Key, new MemoryStream(RandomBytes((int)pack.SizeBytes)), Cancel);
        }

        var error = await Assert.ThrowsAsync<IOException>(() => DotnetScan.RunAsync(tier, index, ImageConfig.Empty, Cancel));

        Assert.Contains("missing or damaged", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Libc(string version, params string[] symbols) =>
        Encoding.ASCII.GetBytes($"\0{string.Join('\0', symbols)}\0GNU C Library (Debian GLIBC {version}-9) stable release version {version}.\n");

    private static byte[] RandomBytes(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private void Move(string name, string to)
    {
        _files.Remove($"usr/lib/x86_64-linux-gnu/{name}", out var content);
        _files[to] = content!;
    }

    private async Task<IReadOnlyList<ScanFinding>> RunAsync()
    {
        var tier = new MemoryTier(TimeProvider.System);
        using var writer = new ContentWriter(tier, new ContentCatalog());
        using var index = await writer.FinishAsync(await TreeAsync(writer), Cancel);
        return await DotnetScan.RunAsync(tier, index, _config, Cancel);
    }

    private async Task<TreeNode> TreeAsync(ContentWriter writer)
    {
        var root = TreeNode.Directory();
        foreach (var (path, bytes) in _files)
        {
            Put(root, path, new TreeNode { Mode = NodeModes.File | 0b111_101_101, Content = await writer.AddAsync(new MemoryStream(bytes), Cancel) });
        }

        foreach (var (path, target) in _links)
        {
            Put(root, path, new TreeNode { Mode = NodeModes.Link | 0b111_111_111, Target = Encoding.UTF8.GetBytes(target) });
        }

        return root;
    }

    private static void Put(TreeNode root, string path, TreeNode node)
    {
        var parts = path.Split('/');
        foreach (var part in parts[..^1])
        {
            if (!root.Children.TryGetValue(new TreeName(part), out var folder))
            {
                root.Children[new TreeName(part)] = folder = TreeNode.Directory();
            }

            root = folder;
        }

        root.Children[new TreeName(parts[^1])] = node;
    }
}
