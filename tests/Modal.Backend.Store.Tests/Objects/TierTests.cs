using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Objects;

public sealed class MemoryTierTests : TierConformance
{
    protected override Task<IObjectTier> OpenAsync() => Task.FromResult<IObjectTier>(new MemoryTier(TimeProvider.System));
}

public sealed class FolderTierTests : TierConformance, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override Task<IObjectTier> OpenAsync() => Task.FromResult<IObjectTier>(new FolderTier(Path.Combine(_folder.Path, "tier")));

    [Fact]
    public async Task Put_DiskIsFull_SaysSoAndLeavesNothing()
    {
        if (Environment.UserName != "root")
        {
            Assert.Skip("Mounting a small file system needs root.");
        }

        await _folder.ShellAsync("mkdir small && mount -t tmpfs -o size=1m tmpfs small");
        try
        {
            var tier = new FolderTier(Path.Combine(_folder.Path, "small"));
            using var large = new MemoryStream(new byte[3_000_000]);

            var error = await Assert.ThrowsAsync<TierException>(() => tier.PutAsync("pack/x", large, TestContext.Current.CancellationToken));

            Assert.Contains("the disk is full", error.Message, StringComparison.Ordinal);
            Assert.Null(await tier.GetSizeAsync("pack/x", TestContext.Current.CancellationToken));
            using var small = new MemoryStream([1]);
            await tier.PutAsync("pack/y", small, TestContext.Current.CancellationToken);
        }
        finally
        {
            await _folder.ShellAsync("umount small");
        }
    }
}

public sealed class S3TierTests(CephS3 ceph) : TierConformance, IClassFixture<CephS3>
{
    protected override Task<IObjectTier> OpenAsync() => ceph.OpenAsync();

    [Fact]
    public async Task Read_NobodyThere_IsATierError()
    {
        using var tier = new S3Tier(new S3TierOptions { Bucket = "b", Endpoint = "http://127.0.0.1:1", AccessKey = "a", SecretKey = "b" });

        var error = await Assert.ThrowsAsync<TierException>(async () => await tier.ReadAsync("pack/x", 0, new byte[1], TestContext.Current.CancellationToken));

        Assert.Contains("127.0.0.1:1", error.Message, StringComparison.Ordinal);
    }
}

public sealed class TierAddressTests
{
    [Fact]
    public void Parse_S3WithEverything_IsTakenApart()
    {
        var options = TierAddress.Parse("s3:bucket/a/b/?endpoint=http%3A%2F%2Fhost%3A9000&region=eu-west-1");

        Assert.Equal(("bucket", "a/b", "http://host:9000", "eu-west-1"), (options.Bucket, options.Prefix, options.Endpoint, options.Region));
    }

    [Theory]
    [InlineData("", "must be folder:/path, s3:")]
    [InlineData("folder:relative", "must be folder:/path, s3:")]
    [InlineData("s3:", "names no bucket")]
    [InlineData("s3:b?endpoint=host", "no http or https address")]
    [InlineData("s3:b?color=red", "'color'")]
    [InlineData("peer:somewhere", "'somewhere'; it must be http://host:port or unix:///path")]
    public void Open_WrongText_SaysWhatIsWrong(string text, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => TierAddress.Open(text)).Message, StringComparison.Ordinal);
}
