using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.Store.Objects;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Blobs;

public sealed class BlobServiceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Put_NewBlob_IsAnObjectOfTheStore()
    {
        var tier = new MemoryTier(TimeProvider.System);
        await using var server = await PeerServer.StartAsync(tier, Token);
        var (digest, bytes) = NewBlob(2_000_000);

        Assert.True(await PutAsync(server, digest, bytes));
        Assert.False(await PutAsync(server, digest, bytes));

        Assert.Equal(bytes, await tier.ReadWholeAsync($"blob/{digest}", 10_000_000, Token));
        Assert.Equal(bytes, await GetAsync(server, digest));
    }

    [Fact]
    public async Task Get_DamagedBlob_IsDataLossAndMissingAfterwards()
    {
        var tier = new MemoryTier(TimeProvider.System);
        await using var server = await PeerServer.StartAsync(tier, Token);
        var (digest, bytes) = NewBlob(100);
        await tier.PutAsync($"blob/{digest}", new MemoryStream([1, 2, 3]), Token);

        var error = await Assert.ThrowsAsync<RpcException>(() => GetAsync(server, digest));

        Assert.Equal(StatusCode.DataLoss, error.StatusCode);
        var missing = await new Protocol.Blobs.BlobsClient(server.Channel).FindMissingAsync(new FindMissingRequest { Digests = { digest } }, cancellationToken: Token);
        Assert.Equal([digest], missing.Digests);
        Assert.True(await PutAsync(server, digest, bytes));
        Assert.Equal(bytes, await GetAsync(server, digest));
    }

    [Theory]
    [InlineData(true, StatusCode.ResourceExhausted)]
    [InlineData(false, StatusCode.Unavailable)]
    public async Task Put_StoreRefuses_IsSaidAfterTheLastChunk(bool isFull, StatusCode expected)
    {
        await using var server = await PeerServer.StartAsync(new RefusingTier(isFull), Token);
        var (digest, bytes) = NewBlob(30_000_000);

        // All chunks can be sent: an answer before the last would fail the sending.
        var error = await Assert.ThrowsAsync<RpcException>(() => PutAsync(server, digest, bytes));

        Assert.Equal(expected, error.StatusCode);
    }

    [Fact]
    public async Task AnyCall_StoreFails_IsUnavailable()
    {
        await using var server = await PeerServer.StartAsync(new FailingTier(), Token);
        var (digest, _) = NewBlob(1);

        var find = await Assert.ThrowsAsync<RpcException>(async () =>
            await new Protocol.Blobs.BlobsClient(server.Channel).FindMissingAsync(new FindMissingRequest { Digests = { digest } }, cancellationToken: Token));
        var get = await Assert.ThrowsAsync<RpcException>(() => GetAsync(server, digest));

        Assert.All([find, get], e => Assert.Equal(StatusCode.Unavailable, e.StatusCode));
    }

    private static (string Digest, byte[] Bytes) NewBlob(int length)
    {
        var bytes = RandomNumberGenerator.GetBytes(length);
        return (Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes);
    }

    private static async Task<bool> PutAsync(PeerServer server, string digest, byte[] bytes)
    {
        using var put = new Protocol.Blobs.BlobsClient(server.Channel).Put(cancellationToken: Token);
        foreach (var (chunk, i) in bytes.Chunk(700_000).Select((c, i) => (c, i)))
        {
            await put.RequestStream.WriteAsync(new BlobChunk { Digest = i == 0 ? digest : "", Data = ByteString.CopyFrom(chunk) }, Token);
        }

        await put.RequestStream.CompleteAsync();
        return (await put.ResponseAsync).Stored;
    }

    private static async Task<byte[]> GetAsync(PeerServer server, string digest)
    {
        using var get = new Protocol.Blobs.BlobsClient(server.Channel).Get(new GetRequest { Digest = digest }, cancellationToken: Token);
        var back = new MemoryStream();
        await foreach (var chunk in get.ResponseStream.ReadAllAsync(Token))
        {
            chunk.Data.WriteTo(back);
        }

        return back.ToArray();
    }
}
