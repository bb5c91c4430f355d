using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Trees;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Chunks;

public sealed class LocalContentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DictionaryTier _store = new();
    private readonly FaultyTier _tier;

    public LocalContentTests() => _tier = new FaultyTier(_store);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string CacheFolder => Path.Combine(_folder.Path, "cache");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Read_EveryFileInRandomParts_IsWhatWasStored()
    {
        var (index, files) = await ImageAsync();
        await using var content = Open();
        var random = new Random(7);
        foreach (var (name, bytes) in files)
        {
            var blob = index.GetBlobNumber(index.Find(name));
            for (var i = 0; i < 20; i++)
            {
                var offset = random.Next(bytes.Length + 10);
                var buffer = new byte[random.Next(1, 1_200_000)];
                var length = content.TryRead(index, blob, offset, buffer);
                length = length >= 0 ? length : await content.ReadAsync(index, blob, offset, buffer, Cancel);
                Assert.Equal(Math.Clamp(bytes.Length - offset, 0, buffer.Length), length);
                Assert.True(buffer.AsSpan(0, length).SequenceEqual(bytes.AsSpan(Math.Min(offset, bytes.Length), length)));
            }
        }
    }

    [Fact]
    public async Task Read_ManyAtOnce_FetchEachChunkOnce()
    {
        var (index, files) = await ImageAsync();
        await using var content = Open();
        var gate = new TaskCompletionSource();
        _tier.Gate = gate.Task;
        var blob = index.GetBlobNumber(index.Find("one"));
        var reads = Enumerable.Range(0, 50).Select(i => content.ReadAsync(index, blob, i * 100, new byte[100], Cancel).AsTask()).ToList();
        gate.SetResult();
        await Task.WhenAll(reads);

        Assert.Equal(1, _tier.Reads);
        Assert.Equal(100, content.TryRead(index, blob, 5, new byte[100]));
        Assert.True(files["one"].Length > 0);
    }

    [Fact]
    public async Task Read_AfterARestart_NeedsNoTier()
    {
        var (index, files) = await ImageAsync();
        await using (var content = Open())
        {
            await content.PrefetchAsync(index, [.. Enumerable.Range(0, index.ChunkCount)], Cancel);
        }

        var reads = _tier.Reads;
        await using var again = Open();

        AssertReadable(again, index, files);
        Assert.Equal(reads, _tier.Reads);
        Assert.True(again.CachedBytes > 0);
    }

    [Fact]
    public async Task Prefetch_WholeImage_JoinsNeighboursIntoFewRequests()
    {
        var (index, files) = await ImageAsync();
        await using var content = Open();

        await content.PrefetchAsync(index, [.. Enumerable.Range(0, index.ChunkCount)], Cancel);

        AssertReadable(content, index, files);
        Assert.InRange(_tier.Reads, 1, 3);
        Assert.NotNull(content.CompleteFile(index, index.GetBlobNumber(index.Find("large"))));
        Assert.Equal(files["large"], await File.ReadAllBytesAsync(content.CompleteFile(index, index.GetBlobNumber(index.Find("large")))!, Cancel));
        Assert.Null(content.CompleteFile(index, index.GetBlobNumber(index.Find("one"))));
    }

    [Fact]
    public async Task Read_TierFailsAtFirst_IsTriedAgain()
    {
        var (index, files) = await ImageAsync();
        await using var content = Open();
        _tier.OnRead = (number, _) => number <= 3 ? throw new TierException("down") : Task.FromResult<int?>(null);

        await AssertReadAsync(content, index, files, "one");

        Assert.Equal(4, _tier.Reads);
    }

    [Fact]
    public async Task Read_TierIsDown_IsAnErrorThatNamesAllOfIt()
    {
        var (index, _) = await ImageAsync();
        await using var content = Open();
        _tier.OnRead = (_, _) => throw new TierException("the tier is down");
        var blob = index.GetBlobNumber(index.Find("one"));

        var error = await Assert.ThrowsAsync<IOException>(async () => await content.ReadAsync(index, blob, 0, new byte[10], Cancel));

        Assert.Contains(index.Id.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(index.GetBlob(blob).Digest.ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains("the tier is down", error.Message, StringComparison.Ordinal);
        _tier.OnRead = null;
        Assert.Equal(10, await content.ReadAsync(index, blob, 0, new byte[10], Cancel));
    }

    [Fact]
    public async Task Read_TierTruncatesOrCorrupts_IsFetchedAgainAndRight()
    {
        var (index, files) = await ImageAsync();
        await using var content = Open();
        _tier.OnRead = (number, destination) => Task.FromResult<int?>(number == 1 ? destination.Length / 2 : null);
        _tier.AfterRead = (number, destination) => destination.Span[destination.Length / 2] ^= (byte)(number == 2 ? 1 : 0);

        await AssertReadAsync(content, index, files, "one");

        Assert.Equal(3, _tier.Reads);
    }

    [Fact]
    public async Task Read_TierAlwaysCorrupts_IsAnErrorAndNeverWrongBytes()
    {
        var (index, _) = await ImageAsync();
        await using var content = Open();
        _tier.AfterRead = (_, destination) => destination.Span[destination.Length / 2] ^= 1;
        var blob = index.GetBlobNumber(index.Find("large"));

        var error = await Assert.ThrowsAsync<IOException>(async () => await content.ReadAsync(index, blob, 0, new byte[10], Cancel));

        Assert.Contains("other bytes than it should", error.Message, StringComparison.Ordinal);
        Assert.Equal(-1, content.TryRead(index, blob, 0, new byte[10]));
    }

    [Theory]
    [InlineData("truncate -s -1 \"$f\"")]
    [InlineData("printf X | dd of=\"$f\" bs=1 seek=100 conv=notrunc status=none")]
    [InlineData("rm \"$f\"")]
    public async Task Read_CacheWasDamaged_IsFetchedAgainAndRight(string damage)
    {
        var (index, files) = await ImageAsync();
        await using (var content = Open())
        {
            await content.PrefetchAsync(index, [.. Enumerable.Range(0, index.ChunkCount)], Cancel);
        }

        // As a crash of the machine leaves it: with the mark that it was in use.
        await _folder.ShellAsync($"touch cache/in-use; find cache/chunks cache/files -type f ! -name '*.map' | while read f; do {damage}; done");
        await using var again = Open();

        foreach (var name in files.Keys)
        {
            await AssertReadAsync(again, index, files, name);
        }
    }

    [Fact]
    public async Task Read_CacheIsFull_EvictsWhatIsNotPinned()
    {
        var (index, files) = await ImageAsync(megabytes: 100);
        await using var content = Open(maxBytes: 64L * 1024 * 1024);
        using var pin = content.Pin(await SmallImageAsync(content));

        for (var i = 0; i < 100; i++)
        {
            await AssertReadAsync(content, index, files, $"m{i}");
        }

        Assert.InRange(content.CachedBytes, 30L * 1024 * 1024, 64L * 1024 * 1024);
        _tier.OnRead = (_, _) => throw new TierException("down");
        var small = await SmallImageAsync(null);
        Assert.Equal(5, content.TryRead(small, small.GetBlobNumber(small.Find("pinned")), 0, new byte[5]));
    }

    [Fact]
    public async Task Read_DiskIsFull_WorksWithoutTheCache()
    {
        if (Environment.UserName != "root")
        {
            Assert.Skip("Mounting a small file system needs root.");
        }

        var (index, files) = await ImageAsync(megabytes: 4);
        await _folder.ShellAsync("mkdir cache && mount -t tmpfs -o size=1500k tmpfs cache");
        try
        {
            await using var content = Open();
            for (var round = 0; round < 2; round++)
            {
                foreach (var name in files.Keys)
                {
                    await AssertReadAsync(content, index, files, name);
                }
            }
        }
        finally
        {
            await _folder.ShellAsync("umount cache");
        }
    }

    [Fact]
    public async Task Read_WhilePrefetchHoldsItsStreams_ComesFirst()
    {
        var (index, files) = await ImageAsync(megabytes: 60);
        await using var content = Open();
        var (slow, busy) = (new TaskCompletionSource(), new TaskCompletionSource());
        _tier.OnRead = async (number, _) =>
        {
            if (number <= 4)
            {
                if (number == 4)
                {
                    busy.SetResult();
                }

                await slow.Task;
            }

            return null;
        };
        var prefetch = content.PrefetchAsync(index, [.. Enumerable.Range(0, index.ChunkCount)], Cancel);

        await busy.Task.WaitAsync(Cancel);

        // Of the last chunks, which the prefetch has not come to.
        var last = files.Keys.MaxBy(n => index.GetBlob(index.GetBlobNumber(index.Find(n))).FirstChunk)!;
        await AssertReadAsync(content, index, files, last);

        Assert.False(prefetch.IsCompleted);
        slow.SetResult();
        await prefetch;
        AssertReadable(content, index, files);
    }

    private static void AssertReadable(LocalContent content, ImageIndex index, Dictionary<string, byte[]> files)
    {
        foreach (var (name, bytes) in files)
        {
            var buffer = new byte[bytes.Length];
            Assert.Equal(bytes.Length, content.TryRead(index, index.GetBlobNumber(index.Find(name)), 0, buffer));
            Assert.True(bytes.AsSpan().SequenceEqual(buffer), name);
        }
    }

    private static async Task AssertReadAsync(LocalContent content, ImageIndex index, Dictionary<string, byte[]> files, string name)
    {
        var buffer = new byte[files[name].Length];
        Assert.Equal(buffer.Length, await content.ReadAsync(index, index.GetBlobNumber(index.Find(name)), 0, buffer, Cancel));
        Assert.True(files[name].AsSpan().SequenceEqual(buffer), name);
    }

    private LocalContent Open(long maxBytes = 1L << 30) => new(
        _tier, new CacheOptions { Directory = CacheFolder, MaxBytes = maxBytes, RetryDelay = TimeSpan.FromMilliseconds(1) }, TimeProvider.System, NullLogger<LocalContent>.Instance);

    private async Task<ImageIndex> SmallImageAsync(LocalContent? content)
    {
        await _folder.ShellAsync("mkdir -p small; printf hello > small/pinned");
        var index = await DirectoryTreeTests.IngestAsync(Path.Combine(_folder.Path, "small"), _store, new ContentCatalog());
        if (content is not null)
        {
            await content.ReadAsync(index, index.GetBlobNumber(index.Find("pinned")), 0, new byte[5], Cancel);
        }

        return index;
    }

    private async Task<(ImageIndex Index, Dictionary<string, byte[]> Files)> ImageAsync(int megabytes = 0)
    {
        await _folder.ShellAsync($"""
            mkdir image; cd image
            head -c 3000000 /dev/urandom > large; head -c 300000 /dev/urandom > one; for i in $(seq 100); do head -c $((i * 50)) /dev/urandom > "s$i"; done
            for i in $(seq 0 {megabytes - 1}); do head -c 1048576 /dev/urandom > "m$i"; done
            """);
        var index = await DirectoryTreeTests.IngestAsync(Path.Combine(_folder.Path, "image"), _store, new ContentCatalog());
        var files = Directory.EnumerateFiles(Path.Combine(_folder.Path, "image")).ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);
        return (index, files);
    }
}
