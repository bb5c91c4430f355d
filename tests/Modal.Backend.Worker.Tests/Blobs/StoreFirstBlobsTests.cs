using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Blobs;
using Modal.Backend.Worker.Tests.Harness;
using Xunit;

namespace Modal.Backend.Worker.Tests.Blobs;

public sealed class StoreFirstBlobsTests
{
    private readonly MemoryTier _tier = new(TimeProvider.System);
    private readonly LocalBlobs _server = new();
    private readonly StoreFirstBlobs _blobs;

    public StoreFirstBlobsTests() => _blobs = new StoreFirstBlobs(new TierBlobs(_tier, TimeSpan.FromDays(7), TimeProvider.System), _server);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_InTheStore_DoesNotAskTheServer()
    {
        byte[] bytes = [1, 2, 3];
        var digest = _server.Add(bytes);
        await _tier.PutAsync(ObjectKeys.Blob(digest), new MemoryStream(bytes), Cancel);

        Assert.Equal(bytes, await ReadAsync(digest));
        Assert.Equal(0, _server.Reads);
    }

    [Fact]
    public async Task Read_NotInTheStore_ComesFromTheServer()
    {
        byte[] bytes = [1, 2, 3];
        var digest = _server.Add(bytes);

        Assert.Equal(bytes, await ReadAsync(digest));
        Assert.Equal(1, _server.Reads);
        await Assert.ThrowsAsync<FileNotFoundException>(() => ReadAsync(new string('0', 64)));
    }

    [Fact]
    public async Task Read_StoreOutOfReach_ComesFromTheServer()
    {
        byte[] bytes = [1, 2, 3];
        var digest = _server.Add(bytes);
        using var unreachable = new S3Tier(new S3TierOptions { Bucket = "b", Endpoint = "http://127.0.0.1:1", AccessKey = "a", SecretKey = "b" });
        using var destination = new MemoryStream();

        await new StoreFirstBlobs(new TierBlobs(unreachable, TimeSpan.FromDays(7), TimeProvider.System), _server).ReadAsync(digest, destination, Cancel);

        Assert.Equal(bytes, destination.ToArray());
    }

    [Fact]
    public async Task Write_Anything_GoesToTheServer()
    {
        byte[] bytes = [4, 5, 6];
        var digest = new LocalBlobs().Add(bytes);

        await _blobs.WriteAsync(digest, bytes, Cancel);

        Assert.Equal(bytes, _server.Get(digest));
        Assert.Empty(await _tier.ListAsync(ObjectKeys.Blobs, Cancel).ToListAsync(Cancel));
    }

    private async Task<byte[]> ReadAsync(string digest)
    {
        using var destination = new MemoryStream();
        await _blobs.ReadAsync(digest, destination, Cancel);
        return destination.ToArray();
    }
}
