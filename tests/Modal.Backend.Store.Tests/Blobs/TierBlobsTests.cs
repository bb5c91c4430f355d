using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Objects;
using Xunit;

namespace Modal.Backend.Store.Tests.Blobs;

/// <summary>What needs a tier whose clock a test turns, or that waits for it.</summary>
public sealed class TierBlobsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly HookedTier _tier;
    private readonly TierBlobs _blobs;

    public TierBlobsTests()
    {
        _tier = new HookedTier(new MemoryTier(_time));
        _blobs = new TierBlobs(_tier, TimeSpan.FromDays(7), _time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Put_TheOneWaitedForHasWrongBytes_TheNextStoresTheRightOnes()
    {
        var (digest, bytes) = TierBlobsConformance.NewBlob(100);
        var (reached, gate) = HoldNext("put");

        var first = _blobs.PutAsync(digest, new MemoryStream([9, 9, 9]), Cancel);
        await reached;
        var second = _blobs.PutAsync(digest, new MemoryStream(bytes), Cancel);
        Assert.False(second.IsCompleted);
        gate.SetResult();

        Assert.Equal(BlobPutResult.WrongDigest, await first);
        Assert.Equal(BlobPutResult.Stored, await second);
    }

    [Fact]
    public async Task Collect_StoredAgainWhenAskedFor_StaysForEver()
    {
        var (digest, bytes) = TierBlobsConformance.NewBlob(100);
        for (var day = 0; day < 60; day += 4)
        {
            if ((await _blobs.FindMissingAsync([digest], Cancel)).Count > 0)
            {
                await _blobs.PutAsync(digest, new MemoryStream(bytes), Cancel);
            }

            Assert.Equal(0, (await _blobs.CollectAsync(new HashSet<string>(), Cancel)).Removed);
            _time.Advance(TimeSpan.FromDays(4));
        }

        _time.Advance(TimeSpan.FromDays(5));
        Assert.Equal(1, (await _blobs.CollectAsync(new HashSet<string>(), Cancel)).Removed);
    }

    [Fact]
    public async Task Collect_UsedBlob_IsRenewedForOtherServersToo()
    {
        var (digest, bytes) = TierBlobsConformance.NewBlob(5_000_000);
        await _blobs.PutAsync(digest, new MemoryStream(bytes), Cancel);
        for (var day = 0; day < 30; day++)
        {
            _time.Advance(TimeSpan.FromDays(1));
            await _blobs.CollectAsync(new HashSet<string> { digest }, Cancel);
            Assert.Equal(0, (await _blobs.CollectAsync(new HashSet<string>(), Cancel)).Removed);
        }

        Assert.Equal(bytes, await TierBlobsConformance.ReadAsync(_blobs, digest));
    }

    [Fact]
    public async Task Collect_UsedBlobIsDamaged_IsRemovedAndTheOthersAreCollected()
    {
        var (used, _) = TierBlobsConformance.NewBlob(100);
        var (old, bytes) = TierBlobsConformance.NewBlob(100);
        await _tier.PutAsync(ObjectKeys.Blob(used), new MemoryStream([1]), Cancel);
        await _blobs.PutAsync(old, new MemoryStream(bytes), Cancel);
        _time.Advance(TimeSpan.FromDays(9));

        var result = await _blobs.CollectAsync(new HashSet<string> { used }, Cancel);

        Assert.Equal((1, 100, 0), (result.Removed, result.RemovedBytes, result.Kept));
        Assert.Equal([used], await _blobs.FindMissingAsync([used], Cancel));
    }

    [Fact]
    public async Task Collect_StoredAgainAfterTheListing_Stays()
    {
        var (digest, bytes) = TierBlobsConformance.NewBlob(100);
        await _blobs.PutAsync(digest, new MemoryStream(bytes), Cancel);
        _time.Advance(TimeSpan.FromDays(9));
        var (reached, gate) = HoldNext("put");
        var put = _blobs.PutAsync(digest, new MemoryStream(bytes), Cancel);
        await reached;

        // The old one is listed, and its removal waits for the writer.
        var collection = _blobs.CollectAsync(new HashSet<string>(), Cancel);
        Assert.False(collection.IsCompleted);
        gate.SetResult();

        Assert.Equal(BlobPutResult.Stored, await put);
        Assert.Equal(0, (await collection).Removed);
        Assert.Equal(bytes, await TierBlobsConformance.ReadAsync(_blobs, digest));
    }

    [Fact]
    public async Task Read_WrongOnTheWayOnly_SaysSoAndStays()
    {
        var (digest, bytes) = TierBlobsConformance.NewBlob(100);
        await _tier.PutAsync(ObjectKeys.Blob(digest), new MemoryStream([1]), Cancel);
        var reads = 0;
        _tier.Before = async what =>
        {
            if (what.StartsWith("read", StringComparison.Ordinal) && ++reads == 2)
            {
                await _tier.PutAsync(ObjectKeys.Blob(digest), new MemoryStream(bytes), Cancel);
            }
        };

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => TierBlobsConformance.ReadAsync(_blobs, digest));

        Assert.Contains("read again it was right", error.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, await TierBlobsConformance.ReadAsync(_blobs, digest));
    }

    // Holds the next operation of a kind until the gate opens.
    private (Task Reached, TaskCompletionSource Gate) HoldNext(string operation)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _tier.Before = what =>
        {
            if (!what.StartsWith(operation, StringComparison.Ordinal) || !reached.TrySetResult())
            {
                return Task.CompletedTask;
            }

            return gate.Task;
        };
        return (reached.Task, gate);
    }
}
