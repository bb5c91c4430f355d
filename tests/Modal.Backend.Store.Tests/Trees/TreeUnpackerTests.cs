using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Modal.Backend.Store.Indexes;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Tests.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Store.Tests.Trees;

public sealed class TreeUnpackerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DictionaryTier _tier = new();
    private readonly ContentCatalog _catalog = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Source => Path.Combine(_folder.Path, "source");

    private string Target => Path.Combine(_folder.Path, "target");

    public void Dispose() => _folder.Dispose();

    // The id covers names, kinds, owners, permissions, times, attributes, links and contents.
    [Fact]
    public async Task Unpack_AllKindsOfFiles_GivesTheSameImageAgain()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give files to others.");
        await _folder.ShellAsync($"mkdir source; cd source\n{DirectoryTreeTests.AllKinds}\nchown 12:34 file; chown -h 5:6 deep/link; chown 7:8 many many/f7; setfattr -n user.note -v 1 many/f8 2>/dev/null || true");
        var image = await DirectoryTreeTests.IngestAsync(Source, _tier, _catalog);

        await UnpackAsync(image);

        Assert.Equal(image.Id, (await DirectoryTreeTests.IngestAsync(Target, _tier, _catalog)).Id);
    }

    [Fact]
    public async Task Unpack_FromATierThatFailsNowAndThen_IsWhole()
    {
        await _folder.ShellAsync("mkdir source; for i in $(seq 50); do head -c 90000 /dev/urandom > source/f$i; done; head -c 1300000 /dev/urandom > source/large");
        var image = await DirectoryTreeTests.IngestAsync(Source, _tier, _catalog);
        var reads = 0;
        var flaky = new HookedTier(_tier) { Before = operation => operation.StartsWith("read", StringComparison.Ordinal) && Interlocked.Increment(ref reads) % 2 == 1 ? throw new TierException("It is away.") : Task.CompletedTask };

        await UnpackAsync(image, flaky);

        Assert.Equal(image.Id, (await DirectoryTreeTests.IngestAsync(Target, _tier, _catalog)).Id);
        Assert.True(reads > 1);
    }

    [Fact]
    public async Task Unpack_PackThatIsDamaged_FailsAndNamesTheImage()
    {
        await _folder.ShellAsync("mkdir source; echo hello > source/f");
        var image = await DirectoryTreeTests.IngestAsync(Source, _tier, _catalog);
        _tier.Objects[ObjectKeys.Pack(image.GetPack(0))][(int)image.GetChunk(0).PackOffset + 9] ^= 0xFF;

        var error = await Assert.ThrowsAsync<IOException>(() => UnpackAsync(image));

        Assert.Contains($"The image {image.Id} cannot be read", error.Message, StringComparison.Ordinal);
    }

    private async Task UnpackAsync(ImageIndex image, IObjectTier? tier = null)
    {
        // Pauses between attempts pass as fast as they are asked for.
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(1) };
        var unpacked = TreeUnpacker.UnpackAsync(image, tier ?? _tier, Target, time, NullLogger.Instance, Cancel);
        while (!unpacked.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, Cancel);
        }

        await unpacked;
    }
}
