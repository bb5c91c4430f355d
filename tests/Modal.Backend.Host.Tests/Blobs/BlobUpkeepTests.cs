using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.ControlPlane;
using Modal.Backend.Host.Tests.Harness;
using Modal.Backend.Store.Objects;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Host.Tests.Blobs;

public sealed class BlobUpkeepTests(TestServer server) : IClassFixture<TestServer>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_BlobThatNobodySentForLong_IsRemoved()
    {
        var time = new FakeTimeProvider();
        var tier = new TellingTier(new MemoryTier(time));
        var (old, young) = ($"blob/{new string('a', 64)}", $"blob/{new string('b', 64)}");
        await tier.PutAsync(old, new MemoryStream([1]), Token);
        time.Advance(TimeSpan.FromDays(8));
        await tier.PutAsync(young, new MemoryStream([1]), Token);
        await using var running = await PeerServer.StartAsync(tier, Token, time);

        time.Advance(TimeSpan.FromMinutes(11));

        Assert.Equal(old, await tier.Removed.WaitAsync(TimeSpan.FromSeconds(30), Token));
        Assert.Equal([old], await tier.FindMissingAsync([old, young], Token));
    }

    [Fact]
    public async Task RunningApps_ListBlobs_NamesAllThatTheirFunctionsNeed()
    {
        var apps = server.Services.GetRequiredService<IRunningApps>();
        var (arguments, file) = (new string('c', 64), new string('d', 64));
        await using (await FakeClient.OpenAsync(server, f =>
        {
            f.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, BlobDigest = arguments };
            f.Image = new ImageSpec { Layers = { new ImageLayer { Operation = "debian-slim", Files = { new ImageFile { Path = "a", Digest = file } } } } };
        }))
        {
            // The code's one file is what FakeClient gives every app.
            Assert.Equal([new string('0', 64), arguments, file], (await apps.ListBlobsAsync()).Order());
        }

        Assert.Empty(await apps.ListBlobsAsync());
    }

    private sealed class TellingTier(IObjectTier inner) : IObjectTier
    {
        private readonly TaskCompletionSource<string> _removed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Removed => _removed.Task;

        public string Name => inner.Name;

        public Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken) => inner.FindMissingAsync(keys, storedSince, cancellationToken);

        public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => inner.GetSizeAsync(key, cancellationToken);

        public Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken) => inner.ReadAsync(key, offset, destination, cancellationToken);

        public Task PutAsync(string key, Stream content, CancellationToken cancellationToken) => inner.PutAsync(key, content, cancellationToken);

        public IAsyncEnumerable<ObjectInfo> ListAsync(string kind, CancellationToken cancellationToken) => inner.ListAsync(kind, cancellationToken);

        public async Task DeleteAsync(string key, CancellationToken cancellationToken)
        {
            await inner.DeleteAsync(key, cancellationToken);
            _removed.TrySetResult(key);
        }
    }
}
