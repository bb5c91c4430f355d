using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Peers;
using Xunit;

namespace Modal.Backend.Host.Tests.Blobs;

public sealed class PeerFailureTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnyCall_TheTierBehindFails_SaysWhatItSaid()
    {
        await using var server = await PeerServer.StartAsync(new FailingTier(), Token);

        Assert.All(await FailuresAsync(server.Peer), e => Assert.Contains("failing: the disk is full", e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnyCall_ServerWithoutTheService_FailsAsUnimplemented()
    {
        await using var server = await PeerServer.StartAsync(tier: null, Token);

        Assert.All(await FailuresAsync(server.Peer), e => Assert.Contains("Unimplemented", e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnyCall_ServerGone_IsATierException()
    {
        await using var server = await PeerServer.StartAsync(new FailingTier(), Token);
        await server.StopAsync();

        Assert.All(await FailuresAsync(server.Peer), e => Assert.StartsWith("peer test: ", e.Message, StringComparison.Ordinal));
    }

    private static async Task<TierException[]> FailuresAsync(PeerTier peer) =>
    [
        await Assert.ThrowsAsync<TierException>(() => peer.FindMissingAsync(["pack/a"], Token)),
        await Assert.ThrowsAsync<TierException>(() => peer.GetSizeAsync("pack/a", Token)),
        await Assert.ThrowsAsync<TierException>(() => peer.ReadAsync("pack/a", 0, new byte[1], Token)),
        await Assert.ThrowsAsync<TierException>(() => peer.PutAsync("pack/a", new MemoryStream(new byte[20_000_000]), Token)),
        await Assert.ThrowsAsync<TierException>(async () => await peer.ListAsync("pack", Token).ToListAsync(Token)),
        await Assert.ThrowsAsync<TierException>(() => peer.DeleteAsync("pack/a", Token)),
    ];
}
