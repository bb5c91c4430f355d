using Microsoft.Extensions.Options;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Code;

public sealed class CodeVersionsTests : IDisposable
{
    private readonly string _state = Directory.CreateTempSubdirectory("modal-code-test-").FullName;
    private readonly LocalBlobs _blobs = new();

    private static CancellationToken Limit => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ensure_NewVersion_HasEveryFileReadableByAnyone()
    {
        var path = await Make().EnsureAsync(Version(("a.dll", "one"), ("runtimes/linux/b.so", "two")), Limit);

        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(path, "a.dll"), Limit));
        Assert.Equal("two", await File.ReadAllTextAsync(Path.Combine(path, "runtimes/linux/b.so"), Limit));
        Assert.True(File.GetUnixFileMode(Path.Combine(path, "a.dll")).HasFlag(UnixFileMode.OtherRead));
        Assert.True(File.GetUnixFileMode(Path.Combine(path, "runtimes")).HasFlag(UnixFileMode.OtherExecute));
    }

    [Fact]
    public async Task Ensure_SameVersionAtOnceAndAfterARestart_FetchesEachFileOnce()
    {
        var version = Version(("a.dll", "one"), ("b.dll", "two"));
        var versions = Make();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => versions.EnsureAsync(version, Limit)));
        await Make().EnsureAsync(version, Limit);

        Assert.Equal(2, _blobs.Reads);
    }

    [Fact]
    public async Task Ensure_OneFileChanged_FetchesThatFileOnly()
    {
        var versions = Make();
        await versions.EnsureAsync(Version(("a.dll", "one"), ("b.dll", "two")), Limit);
        await versions.EnsureAsync(Version(("a.dll", "one"), ("b.dll", "three")), Limit);

        Assert.Equal(3, _blobs.Reads);
    }

    [Theory]
    [InlineData("../escape.dll")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../b.dll")]
    [InlineData("a//b.dll")]
    [InlineData("")]
    public async Task Ensure_PathOutsideTheFolder_IsRefused(string path)
    {
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => Make().EnsureAsync(Version((path, "x")), Limit));

        Assert.Contains(path, fault.Message, StringComparison.Ordinal);
        Assert.Equal(0, _blobs.Reads);
    }

    [Fact]
    public async Task Ensure_BytesThatDoNotMatchTheirDigest_AreRefusedAndFetchedAgainNextTime()
    {
        var version = Version(("a.dll", "one"));
        var digest = version.Files[0].Digest;
        _blobs.Damage(digest);
        var versions = Make();
        await Assert.ThrowsAsync<InvalidDataException>(() => versions.EnsureAsync(version, Limit));

        _blobs.Add("one"u8.ToArray());

        Assert.Equal("one", await File.ReadAllTextAsync(Path.Combine(await versions.EnsureAsync(version, Limit), "a.dll"), Limit));
    }

    [Fact]
    public async Task Ensure_ClaimedDigestOfAnotherVersion_GetsAFolderOfItsOwn()
    {
        var first = Version(("a.dll", "one"));
        var second = Version(("a.dll", "evil"));
        first.Digest = second.Digest = new string('a', 64);
        var versions = Make();

        Assert.NotEqual(await versions.EnsureAsync(first, Limit), await versions.EnsureAsync(second, Limit));
    }

    [Fact]
    public async Task CleanUp_RemovesWhatWasInterruptedAndKeepsTheRest()
    {
        var versions = Make();
        var kept = await versions.EnsureAsync(Version(("a.dll", "one")), Limit);
        var old = await versions.EnsureAsync(Version(("a.dll", "old")), Limit);
        Directory.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-8));
        var torn = Directory.CreateDirectory(kept + "x.tmp").FullName;

        versions.CleanUp();

        Assert.True(Directory.Exists(kept));
        Assert.False(Directory.Exists(old));
        Assert.False(Directory.Exists(torn));
    }

    public void Dispose() => Directory.Delete(_state, recursive: true);

    private CodeVersions Make() => new(Options.Create(new WorkerOptions { StateDirectory = _state }), _blobs);

    private CodeVersion Version(params (string Path, string Content)[] files)
    {
        var version = new CodeVersion();
        foreach (var (path, content) in files)
        {
            version.Files.Add(new CodeFile { Path = path, Digest = _blobs.Add(System.Text.Encoding.UTF8.GetBytes(content)) });
        }

        return version;
    }
}
