using Grpc.Core;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Peers;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Blobs;

public sealed class PeerTierTests : IAsyncLifetime
{
    private const int OneMiB = 1024 * 1024;

    private readonly string _folder = Directory.CreateTempSubdirectory("modal-peer-store-").FullName;
    private PeerServer? _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private PeerServer Server => _server!;

    private PeerTier Peer => Server.Peer;

    public async ValueTask InitializeAsync() => _server = await PeerServer.StartAsync(new FolderTier(_folder), Token);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(OneMiB - 1)]
    [InlineData(OneMiB)]
    [InlineData(OneMiB + 1)]
    [InlineData(40 * OneMiB)]
    public async Task Read_AfterPut_GivesTheSameBytes(int size)
    {
        var bytes = Bytes(size, seed: size);
        await PutAsync("pack/a", bytes);

        var back = new byte[size + 10];
        var length = await Peer.ReadAsync("pack/a", 0, back, Token);

        Assert.Equal(size, length);
        Assert.Equal((long?)size, await Peer.GetSizeAsync("pack/a", Token));
        Assert.True(back.AsSpan(0, size).SequenceEqual(bytes));
    }

    [Theory]
    [InlineData(0, 10, 10)]
    [InlineData(5_000_000, 5_000_000, 5_000_000)]
    [InlineData(9_999_990, 100, 10)]
    [InlineData(10_000_000, 100, 0)]
    [InlineData(20_000_000, 100, 0)]
    [InlineData(3, 0, 0)]
    public async Task Read_Part_GivesWhatLiesThere(int offset, int size, int expected)
    {
        var bytes = Bytes(10_000_000, seed: 7);
        await PutAsync("pack/a", bytes);

        var back = new byte[size];
        var length = await Peer.ReadAsync("pack/a", offset, back, Token);

        Assert.Equal(expected, length);
        Assert.True(back.AsSpan(0, expected).SequenceEqual(bytes.AsSpan(Math.Min(offset, bytes.Length), expected)));
    }

    [Fact]
    public async Task ReadAndSize_NotStored_AreNull()
    {
        Assert.Null(await Peer.ReadAsync("pack/none", 0, new byte[10], Token));
        Assert.Null(await Peer.GetSizeAsync("pack/none", Token));
    }

    [Fact]
    public async Task Put_OverAnother_ReplacesIt()
    {
        await PutAsync("build/a", [1, 2, 3]);
        await PutAsync("build/a", [4]);

        var back = new byte[10];
        Assert.Equal(1, await Peer.ReadAsync("build/a", 0, back, Token));
        Assert.Equal(4, back[0]);
    }

    [Fact]
    public async Task FindMissing_MoreThanOneRequestHolds_KeepsOrder()
    {
        await PutAsync("pack/k500", [1]);
        await PutAsync("pack/k20500", [1]);
        string[] keys = [.. Enumerable.Range(0, 21_000).Select(i => $"pack/k{i}")];

        var missing = await Peer.FindMissingAsync(keys, Token);

        Assert.Equal(keys.Except(["pack/k500", "pack/k20500"]), missing);
    }

    [Fact]
    public async Task FindMissing_StoredBeforeTheTimeAskedFor_CountsAsMissing()
    {
        await PutAsync("pack/a", [1]);

        Assert.Empty(await Peer.FindMissingAsync(["pack/a"], DateTimeOffset.UtcNow.AddMinutes(-10), Token));
        Assert.Equal(["pack/a"], await Peer.FindMissingAsync(["pack/a"], DateTimeOffset.UtcNow.AddMinutes(10), Token));
    }

    [Fact]
    public async Task Put_PeersDiskIsFull_IsSaidSo()
    {
        await using var full = await PeerServer.StartAsync(new RefusingTier(isFull: true), Token);

        var error = await Assert.ThrowsAsync<TierException>(() => full.Peer.PutAsync("pack/a", new MemoryStream(new byte[5_000_000]), Token));

        Assert.True(error.IsFull);
    }

    [Fact]
    public async Task List_MoreThanOneMessageHolds_GivesAllOfTheKind()
    {
        var direct = new FolderTier(_folder);
        for (var i = 0; i < 2100; i++)
        {
            await direct.PutAsync($"trace/k{i}", new MemoryStream([1, 2]), Token);
        }

        await PutAsync("pack/other", [1]);
        var listed = await Peer.ListAsync("trace", Token).ToListAsync(Token);
        var stored = await direct.ListAsync("trace", Token).ToListAsync(Token);

        Assert.Equal(stored.Select(s => (s.Key, s.SizeBytes, s.Modified.ToUnixTimeMilliseconds())).Order(), listed.Select(s => (s.Key, s.SizeBytes, s.Modified.ToUnixTimeMilliseconds())).Order());
        Assert.Equal(2100, listed.Count);
    }

    [Fact]
    public async Task Delete_StoredOrNot_LeavesItMissing()
    {
        await PutAsync("pack/a", [1]);

        await Peer.DeleteAsync("pack/a", Token);
        await Peer.DeleteAsync("pack/a", Token);

        Assert.Equal(["pack/a"], await Peer.FindMissingAsync(["pack/a"], Token));
    }

    [Theory]
    [InlineData("pack")]
    [InlineData("pack/")]
    [InlineData("../a")]
    [InlineData("pack/../a")]
    [InlineData("pack/a/b")]
    [InlineData("pack/a b")]
    public async Task Service_BadKey_IsRefusedByBothEnds(string key)
    {
        // Not through PeerTier, which would not send it.
        var client = new Objects.ObjectsClient(Server.Channel);
        var size = await Assert.ThrowsAsync<RpcException>(async () => await client.GetSizeAsync(new GetObjectSizeRequest { Key = key }, cancellationToken: Token));
        var delete = await Assert.ThrowsAsync<RpcException>(async () => await client.DeleteAsync(new DeleteObjectRequest { Key = key }, cancellationToken: Token));
        var missing = await Assert.ThrowsAsync<RpcException>(async () => await client.FindMissingAsync(new FindMissingObjectsRequest { Keys = { key } }, cancellationToken: Token));
        var put = await Assert.ThrowsAsync<RpcException>(() => SendAsync(client, new PutObjectPart { Key = key, Last = true }));

        Assert.All([size, delete, missing, put], e => Assert.Equal(StatusCode.InvalidArgument, e.StatusCode));
        await Assert.ThrowsAsync<ArgumentException>(() => Peer.GetSizeAsync(key, Token));
        await Assert.ThrowsAsync<ArgumentException>(() => PutAsync(key, [1]));
    }

    [Fact]
    public async Task Service_BrokenLimits_AreRefused()
    {
        var client = new Objects.ObjectsClient(Server.Channel);
        var many = new FindMissingObjectsRequest { Keys = { Enumerable.Repeat("pack/a", 10_001) } };

        var missing = await Assert.ThrowsAsync<RpcException>(async () => await client.FindMissingAsync(many, cancellationToken: Token));
        var large = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(client, 0, (64 * OneMiB) + 1));
        var negative = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(client, -1, 1));

        Assert.All([missing, large, negative], e => Assert.Equal(StatusCode.InvalidArgument, e.StatusCode));
    }

    [Fact]
    public async Task Put_WithoutLastPart_StoresNothing()
    {
        var client = new Objects.ObjectsClient(Server.Channel);

        var e = await Assert.ThrowsAsync<RpcException>(() => SendAsync(client, new PutObjectPart { Key = "pack/a", Data = Google.Protobuf.ByteString.CopyFrom(1, 2, 3) }));

        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Contains("pack/a ended after 3 bytes without a last part", e.Status.Detail, StringComparison.Ordinal);
        Assert.Null(await Peer.GetSizeAsync("pack/a", Token));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder, "tmp")));
    }

    [Fact]
    public async Task Put_SourceFails_KeepsWhatWasThere()
    {
        await PutAsync("pack/a", [1, 2]);

        await Assert.ThrowsAsync<InvalidDataException>(() => Peer.PutAsync("pack/a", new BrokenStream(5 * OneMiB), Token));

        Assert.Equal(2, await Peer.GetSizeAsync("pack/a", Token));
    }

    [Fact]
    public async Task AnyCall_Cancelled_IsNotATierException()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Peer.GetSizeAsync("pack/a", cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Peer.ReadAsync("pack/a", 0, new byte[1], cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Peer.PutAsync("pack/a", new MemoryStream([1]), cancelled.Token));
        Assert.Null(await Peer.GetSizeAsync("pack/a", Token));
    }

    [Fact]
    public async Task Put_OneKeyFromMany_LeavesOneOfThemWhole()
    {
        var contents = Enumerable.Range(0, 8).Select(i => Bytes(3 * OneMiB, i)).ToList();

        await Task.WhenAll(contents.Select(c => PutAsync("pack/a", c)));

        var back = new byte[3 * OneMiB];
        Assert.Equal(back.Length, await Peer.ReadAsync("pack/a", 0, back, Token));
        Assert.Contains(contents, c => c.AsSpan().SequenceEqual(back));
    }

    private static byte[] Bytes(int size, int seed)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static async Task SendAsync(Objects.ObjectsClient client, PutObjectPart part)
    {
        using var call = client.Put(cancellationToken: Token);
        await call.RequestStream.WriteAsync(part, Token);
        await call.RequestStream.CompleteAsync();
        await call;
    }

    private static async Task ReadAsync(Objects.ObjectsClient client, long offset, long size)
    {
        using var call = client.Read(new ReadObjectRequest { Key = "pack/a", Offset = offset, SizeBytes = size }, cancellationToken: Token);
        await call.ResponseStream.MoveNext(Token);
    }

    private Task PutAsync(string key, byte[] bytes) => Peer.PutAsync(key, new MemoryStream(bytes), Token);
}
