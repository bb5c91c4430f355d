using System.Security.Cryptography;
using CliWrap;
using Modal.Backend.Store.Blobs;
using Xunit;

namespace Modal.Backend.Store.Tests.Blobs;

public sealed class BlobStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modal-store-").FullName;

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PutAsync_NewBlob_CanBeReadBackAndIsReadOnly()
    {
        var store = Open();
        var (digest, bytes) = Blob(300_000);

        Assert.Equal([digest], store.FindMissing([digest]));
        Assert.Equal(BlobPutResult.Stored, await store.PutAsync(digest, new MemoryStream(bytes), Limit));

        await using var read = store.OpenRead(digest)!;
        using var copy = new MemoryStream();
        await read.CopyToAsync(copy, Limit);
        Assert.Equal(bytes, copy.ToArray());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(store.GetPath(digest)));
        Assert.Equal(BlobPutResult.Existed, await store.PutAsync(digest, new MemoryStream(bytes), Limit));
    }

    [Fact]
    public async Task PutAsync_OtherBytes_StoresNothing()
    {
        var store = Open();
        var (digest, bytes) = Blob(1000);
        bytes[7] ^= 1;

        Assert.Equal(BlobPutResult.WrongDigest, await store.PutAsync(digest, new MemoryStream(bytes), Limit));

        Assert.False(store.Has(digest));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "tmp")));
    }

    [Fact]
    public async Task PutAsync_ManyOfTheSameAtOnce_OneStoresIt()
    {
        var store = Open();
        var (digest, bytes) = Blob(200_000);

        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => store.PutAsync(digest, new MemoryStream(bytes), Limit))));

        Assert.Single(results, BlobPutResult.Stored);
        Assert.True(await store.VerifyAsync(digest, Limit));
    }

    [Fact]
    public async Task PutAsync_SourceBreaks_LeavesNothing()
    {
        var store = Open();
        var (digest, _) = Blob(10);

        await Assert.ThrowsAsync<TimeoutException>(() => store.PutAsync(digest, new BreakingStream(), Limit));

        Assert.False(store.Has(digest));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "tmp")));
    }

    [Fact]
    public void Open_LeftoversOfADeadProcess_AreRemoved()
    {
        Open();
        // No process has this number: it is beyond the kernel's highest.
        var leftover = Path.Combine(_folder, "tmp", "99999999-0123-abcd");
        File.WriteAllText(leftover, "half a blob");

        Open();

        Assert.False(File.Exists(leftover));
    }

    [Fact]
    public async Task VerifyAsync_DamagedBlob_IsRemovedAndCountsAsMissing()
    {
        var store = Open();
        var (digest, bytes) = Blob(5000);
        await store.PutAsync(digest, new MemoryStream(bytes), Limit);
        File.SetUnixFileMode(store.GetPath(digest), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = new FileStream(store.GetPath(digest), FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = 4000;
            file.WriteByte((byte)(bytes[4000] ^ 1));
        }

        Assert.False(await store.VerifyAsync(digest, Limit));
        Assert.Equal([digest], store.FindMissing([digest]));
        Assert.Equal(BlobPutResult.Stored, await store.PutAsync(digest, new MemoryStream(bytes), Limit));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789")]
    public void GetPath_NotADigest_IsRefused(string digest) => Assert.Throws<ArgumentException>(() => Open().GetPath(digest));

    [Fact]
    public async Task PutAsync_DiskFull_SaysSoAndLeavesNothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small file system needs root.");
        var small = Directory.CreateDirectory(Path.Combine(_folder, "small")).FullName;
        await Cli.Wrap("mount").WithArguments(["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).ExecuteAsync(Limit);
        try
        {
            var store = new BlobStore(new BlobStoreOptions { Directory = small });
            var (large, largeBytes) = Blob(4_000_000);
            var (tiny, tinyBytes) = Blob(1000);

            Assert.Equal(BlobPutResult.DiskFull, await store.PutAsync(large, new MemoryStream(largeBytes), Limit));

            Assert.False(store.Has(large));
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(small, "tmp")));
            Assert.Equal(BlobPutResult.Stored, await store.PutAsync(tiny, new MemoryStream(tinyBytes), Limit));
        }
        finally
        {
            await Cli.Wrap("umount").WithArguments([small]).ExecuteAsync(CancellationToken.None);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private BlobStore Open() => new(new BlobStoreOptions { Directory = _folder });

    private static (string Digest, byte[] Bytes) Blob(int length)
    {
        var bytes = RandomNumberGenerator.GetBytes(length);
        return (Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes);
    }

    private sealed class BreakingStream() : MemoryStream(new byte[100])
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position > 0 ? throw new TimeoutException("the source broke") : base.ReadAsync(buffer[..50], cancellationToken);
    }
}
