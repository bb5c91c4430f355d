using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Objects;
using Modal.Backend.Store.Tests.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Blobs;

/// <summary>What blobs must do in every tier; one class for each kind of tier runs it.</summary>
public abstract class TierBlobsConformance
{
    private static readonly TimeSpan s_keep = TimeSpan.FromDays(7);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract Task<IObjectTier> OpenAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300_000)]
    [InlineData(4 * 1024 * 1024)]
    [InlineData((4 * 1024 * 1024) + 1)]
    public async Task Put_NewBlob_CanBeReadBack(int size)
    {
        var blobs = After(await OpenAsync(), TimeSpan.Zero);
        var (digest, bytes) = NewBlob(size);
        if (size > 1)
        {
            // Nobody else has stored these bytes.
            Assert.Equal([digest], await blobs.FindMissingAsync([digest], Cancel));
            Assert.Equal(BlobPutResult.Stored, await blobs.PutAsync(digest, new MemoryStream(bytes), Cancel));
        }

        Assert.Contains(await blobs.PutAsync(digest, new MemoryStream(bytes), Cancel), new[] { BlobPutResult.Existed, BlobPutResult.Stored });
        Assert.Equal(BlobPutResult.Existed, await blobs.PutAsync(digest, new MemoryStream(bytes), Cancel));
        Assert.Equal(bytes, await ReadAsync(blobs, digest));
        Assert.Empty(await blobs.FindMissingAsync([digest], Cancel));
    }

    [Fact]
    public async Task Put_OtherBytes_StoresNothing()
    {
        var blobs = After(await OpenAsync(), TimeSpan.Zero);
        foreach (var size in new[] { 1000, 1024 * 1024, 20_000_000 })
        {
            var (digest, bytes) = NewBlob(size);
            bytes[7] ^= 1;

            Assert.Equal(BlobPutResult.WrongDigest, await blobs.PutAsync(digest, new MemoryStream(bytes), Cancel));

            Assert.Null(await ReadAsync(blobs, digest));
            Assert.Equal([digest], await blobs.FindMissingAsync([digest], Cancel));
        }
    }

    [Fact]
    public async Task Put_ManyOfTheSameAtOnce_OneStoresIt()
    {
        var blobs = After(await OpenAsync(), TimeSpan.Zero);
        var (digest, bytes) = NewBlob(200_000);

        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => blobs.PutAsync(digest, new MemoryStream(bytes), Cancel))));

        Assert.Single(results, BlobPutResult.Stored);
        Assert.True(await blobs.VerifyAsync(digest, Cancel));
    }

    [Fact]
    public async Task Put_SourceBreaks_LeavesNothing()
    {
        var blobs = After(await OpenAsync(), TimeSpan.Zero);
        var (digest, _) = NewBlob(10);

        await Assert.ThrowsAsync<TimeoutException>(() => blobs.PutAsync(digest, new BreakingStream(), Cancel));

        Assert.Null(await ReadAsync(blobs, digest));
    }

    [Fact]
    public async Task Read_DamagedBlob_IsRemovedAndStoredAgain()
    {
        var tier = await OpenAsync();
        var blobs = After(tier, TimeSpan.Zero);
        var (digest, bytes) = NewBlob(5000);
        await tier.PutAsync(ObjectKeys.Blob(digest), new MemoryStream([.. bytes.SkipLast(1), (byte)(bytes[^1] ^ 1)]), Cancel);
        Assert.Empty(await blobs.FindMissingAsync([digest], Cancel));

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(blobs, digest));

        Assert.Contains(digest, error.Message, StringComparison.Ordinal);
        Assert.Equal([digest], await blobs.FindMissingAsync([digest], Cancel));
        Assert.Equal(BlobPutResult.Stored, await blobs.PutAsync(digest, new MemoryStream(bytes), Cancel));
        Assert.Equal(bytes, await ReadAsync(blobs, digest));
    }

    [Fact]
    public async Task FindMissing_OlderThanHalfTheTime_IsStoredAgain()
    {
        var tier = await OpenAsync();
        var (digest, bytes) = NewBlob(100);
        await After(tier, TimeSpan.Zero).PutAsync(digest, new MemoryStream(bytes), Cancel);

        Assert.Empty(await After(tier, TimeSpan.FromDays(3)).FindMissingAsync([digest], Cancel));

        var later = After(tier, TimeSpan.FromDays(4));
        Assert.Equal([digest], await later.FindMissingAsync([digest], Cancel));
        Assert.Equal(BlobPutResult.Stored, await later.PutAsync(digest, new MemoryStream(bytes), Cancel));
        Assert.Equal(bytes, await ReadAsync(later, digest));
    }

    [Fact]
    public async Task Collect_NotStoredAgainForTheTimeAndADay_IsRemoved()
    {
        var tier = await OpenAsync();
        var (digest, bytes) = NewBlob(100);
        var (used, usedBytes) = NewBlob(200);
        await After(tier, TimeSpan.Zero).PutAsync(digest, new MemoryStream(bytes), Cancel);
        await After(tier, TimeSpan.Zero).PutAsync(used, new MemoryStream(usedBytes), Cancel);
        var end = s_keep + TimeSpan.FromDays(1);

        await After(tier, end - TimeSpan.FromMinutes(5)).CollectAsync(new HashSet<string>(), Cancel);
        Assert.Equal(bytes, await ReadAsync(After(tier, end), digest));

        var result = await After(tier, end + TimeSpan.FromMinutes(5)).CollectAsync(new HashSet<string> { used, new('0', 64) }, Cancel);
        Assert.InRange(result.Removed, 1, int.MaxValue);
        Assert.InRange(result.RemovedBytes, 100, long.MaxValue);
        Assert.Null(await ReadAsync(After(tier, end), digest));
        Assert.Equal(usedBytes, await ReadAsync(After(tier, end), used));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789")]
    public async Task Anything_NotADigest_IsRefused(string digest)
    {
        var blobs = After(await OpenAsync(), TimeSpan.Zero);

        await Assert.ThrowsAsync<ArgumentException>(() => ReadAsync(blobs, digest));
        await Assert.ThrowsAsync<ArgumentException>(() => blobs.PutAsync(digest, new MemoryStream(), Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => blobs.FindMissingAsync([digest], Cancel));
        await Assert.ThrowsAsync<ArgumentException>(() => blobs.VerifyAsync(digest, Cancel));
    }

    internal static async Task<byte[]?> ReadAsync(TierBlobs blobs, string digest)
    {
        using var copy = new MemoryStream();
        return await blobs.ReadAsync(digest, copy.WriteAsync, Cancel) ? copy.ToArray() : null;
    }

    internal static (string Digest, byte[] Bytes) NewBlob(int length)
    {
        var bytes = RandomNumberGenerator.GetBytes(length);
        return (Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes);
    }

    // Tiers have clocks of their own, which no test turns: time passes by the clock of those who use them.
    private static TierBlobs After(IObjectTier tier, TimeSpan time) => new(tier, s_keep, new FakeTimeProvider(DateTimeOffset.UtcNow + time));

    private sealed class BreakingStream() : MemoryStream(new byte[100])
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position > 0 ? throw new TimeoutException("the source broke") : base.ReadAsync(buffer[..50], cancellationToken);
    }
}

public sealed class MemoryTierBlobsTests : TierBlobsConformance
{
    protected override Task<IObjectTier> OpenAsync() => Task.FromResult<IObjectTier>(new MemoryTier(TimeProvider.System));
}

public sealed class FolderTierBlobsTests : TierBlobsConformance, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override Task<IObjectTier> OpenAsync() => Task.FromResult<IObjectTier>(new FolderTier(Path.Combine(_folder.Path, "tier")));

    [Fact]
    public async Task Put_DiskFull_SaysSoAndLeavesNothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small file system needs root.");
        await _folder.ShellAsync("mkdir small && mount -t tmpfs -o size=1m tmpfs small");
        try
        {
            var blobs = new TierBlobs(new FolderTier(Path.Combine(_folder.Path, "small")), TimeSpan.FromDays(7), TimeProvider.System);
            var (large, largeBytes) = NewBlob(4_000_000);
            var (tiny, tinyBytes) = NewBlob(1000);

            Assert.Equal(BlobPutResult.DiskFull, await blobs.PutAsync(large, new MemoryStream(largeBytes), TestContext.Current.CancellationToken));

            Assert.Null(await ReadAsync(blobs, large));
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder.Path, "small", "tmp")));
            Assert.Equal(BlobPutResult.Stored, await blobs.PutAsync(tiny, new MemoryStream(tinyBytes), TestContext.Current.CancellationToken));
        }
        finally
        {
            await _folder.ShellAsync("umount small");
        }
    }
}

public sealed class S3TierBlobsTests(CephS3 ceph) : TierBlobsConformance, IClassFixture<CephS3>
{
    protected override Task<IObjectTier> OpenAsync() => ceph.OpenAsync();
}
