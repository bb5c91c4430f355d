using System.Formats.Tar;
using System.Net;
using System.Text;
using Modal.Backend.Images.Layers;
using Modal.Backend.Images.Registries;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Images.Tests.Registries;

/// <summary>Alone: tests change where the whole process finds skopeo and puts temporary files.</summary>
[CollectionDefinition(nameof(RegistryTests), DisableParallelization = true)]
public sealed class RegistryTestsAlone;

/// <summary>Images are pulled from a real registry on loopback with the real skopeo.</summary>
[Collection(nameof(RegistryTests))]
public sealed class RegistryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pull_ImageOfLayers_GivesItsFilesAndSettings()
    {
        await using var registry = await LocalRegistry.StartAsync();
        using var image = OciLayout.Of(
            "amd64",
            """{"Env":["PATH=/bin","EMPTY=","WITH=a=b"],"WorkingDir":"/srv","Entrypoint":["/bin/entry"],"Cmd":["one","two"],"User":"12:34"}""",
            [NewFile("kept", "1"), NewFile("gone", "2"), NewFile("dir/old", "3")],
            [],
            [NewFile(".wh.gone", ""), NewFile("dir/.wh..wh..opq", ""), NewFile("dir/new", "4")]);
        var reference = await registry.PushAsync(image, "team/image:v1");

        var digest = await Registry.ResolveAsync(reference, null, Cancel);
        using var pulled = await Registry.PullAsync(reference, digest, null, Cancel);

        Assert.Equal(image.Digest, digest);
        Assert.Equal(["dir", "dir/new", "kept"], await NamesAsync(pulled));
        Assert.Equal([new("EMPTY", ""), new("PATH", "/bin"), new("WITH", "a=b")], pulled.Config.Environment);
        Assert.Equal(("/srv", "12:34"), (pulled.Config.WorkingDirectory, pulled.Config.User));
        Assert.Equal(["/bin/entry"], pulled.Config.Entrypoint);
        Assert.Equal(["one", "two"], pulled.Config.Command);
    }

    [Fact]
    public async Task Pull_Disposed_LeavesNoFolder()
    {
        await using var registry = await LocalRegistry.StartAsync();
        using var image = OciLayout.Of("amd64", "{}", [NewFile("a", "1")]);
        var reference = await registry.PushAsync(image, "image:v1");

        var pulled = await Registry.PullAsync(reference, image.Digest, null, Cancel);
        Assert.True(File.Exists(pulled.Layers[0]));
        pulled.Dispose();

        Assert.False(File.Exists(pulled.Layers[0]));
    }

    [Fact]
    public async Task Resolve_TagThatMoved_PullsWhatWasResolved()
    {
        await using var registry = await LocalRegistry.StartAsync();
        using var first = OciLayout.Of("amd64", "{}", [NewFile("first", "1")]);
        using var second = OciLayout.Of("amd64", "{}", [NewFile("second", "1")]);
        var reference = await registry.PushAsync(first, "image:latest");
        var digest = await Registry.ResolveAsync(reference, null, Cancel);
        await registry.PushAsync(second, "image:latest");

        using var pulled = await Registry.PullAsync(reference, digest, null, Cancel);

        Assert.Equal(["first"], await NamesAsync(pulled));
        Assert.Equal(second.Digest, await Registry.ResolveAsync(reference, null, Cancel));
        Assert.Equal(digest, await Registry.ResolveAsync($"{registry.Address}/image@{digest}", null, Cancel));
    }

    [Fact]
    public async Task Pull_ImageForSeveralProcessors_TakesAmd64()
    {
        await using var registry = await LocalRegistry.StartAsync();
        using var image = OciLayout.OfMany("arm64", "amd64");
        var reference = await registry.PushAsync(image, "many:v1");

        using var pulled = await Registry.PullAsync(reference, await Registry.ResolveAsync(reference, null, Cancel), null, Cancel);

        Assert.Equal(["amd64"], await NamesAsync(pulled));
    }

    [Fact]
    public async Task Pull_ImageForAnotherProcessor_IsRefused()
    {
        await using var registry = await LocalRegistry.StartAsync();
        using var one = OciLayout.Of("arm64", "{}", [NewFile("a", "1")]);
        using var many = OciLayout.OfMany("arm64", "riscv64");
        var single = await registry.PushAsync(one, "one:v1");
        var index = await registry.PushAsync(many, "many:v1");

        var error = await Assert.ThrowsAsync<RegistryException>(() => Registry.PullAsync(single, one.Digest, null, Cancel));
        var none = await Assert.ThrowsAsync<RegistryException>(() => Registry.PullAsync(index, many.Digest, null, Cancel));

        Assert.Contains("it is made for linux/arm64", error.Message, StringComparison.Ordinal);
        Assert.Contains("There is none for linux/amd64.", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_PrivateImage_NeedsRightCredentials()
    {
        await using var registry = await LocalRegistry.StartAsync(withPassword: true);
        using var image = OciLayout.Of("amd64", "{}", [NewFile("a", "1")]);
        var reference = await registry.PushAsync(image, "team/private:v1");

        var without = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(reference, null, Cancel));
        var wrong = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(reference, new NetworkCredential(LocalRegistry.User, "wrong"), Cancel));
        var right = new NetworkCredential(LocalRegistry.User, LocalRegistry.Password);
        using var pulled = await Registry.PullAsync(reference, await Registry.ResolveAsync(reference, right, Cancel), right, Cancel);

        Assert.Equal(["a"], await NamesAsync(pulled));
        Assert.All([without, wrong], static e => Assert.Contains("give credentials", e.Message, StringComparison.Ordinal));
        Assert.DoesNotContain("wrong", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resolve_WhatIsNotThere_SaysWhatToDo()
    {
        await using var registry = await LocalRegistry.StartAsync();
        foreach (var (reference, advice) in new[]
        {
            ($"{registry.Address}/missing:v1", "The registry has no such image: check its name and tag."),
            ("127.0.0.1:1/image:v1", "The registry cannot be reached"),
            ("no-such-host.invalid/image:v1", "The registry cannot be reached"),
            ($"{registry.Address}/UPPER:v1", "This is no name of an image"),
            ($"{registry.Address}/image@sha256:short", "no digest after its '@'"),
        })
        {
            var error = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(reference, null, Cancel));

            Assert.Contains(advice, error.Message, StringComparison.Ordinal);
            Assert.StartsWith(reference, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("level=fatal", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pull_EndedEarly_LeavesNothing(bool cancelled)
    {
        using var folder = new TemporaryFolder();
        using var temporary = new Variable("TMPDIR", folder.Path);
        var password = new NetworkCredential("user", "secret");

        await Assert.ThrowsAnyAsync<Exception>(() => Registry.PullAsync("127.0.0.1:1/a:v1", $"sha256:{new string('0', 64)}", password, new CancellationToken(cancelled)));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Resolve_WithPassword_GivesItInAFileThatOnlyThisUserReads()
    {
        // In skopeo's place: says what it was called with, and the mode and content of the file.
        using var folder = new TemporaryFolder();
        await folder.ShellAsync("""
            cat > skopeo <<'END'
            #!/bin/sh
            echo "$@" > "$0.arguments"
            while [ $# -gt 0 ]; do if [ "$1" = --authfile ]; then stat -c %a "$2" > "$0.mode"; cat "$2" > "$0.auth"; fi; shift; done
            echo sha256:0000000000000000000000000000000000000000000000000000000000000000
            END
            chmod +x skopeo
            """);
        using var temporary = new Variable("TMPDIR", Directory.CreateDirectory(Path.Combine(folder.Path, "tmp")).FullName);
        using var path = new Variable("PATH", $"{folder.Path}:{Environment.GetEnvironmentVariable("PATH")}");

        await Registry.ResolveAsync("registry.example.com/a:v1", new NetworkCredential("user", "secret"), Cancel);

        string Recorded(string what) => File.ReadAllText(Path.Combine(folder.Path, $"skopeo.{what}")).Trim();
        Assert.DoesNotContain("secret", Recorded("arguments"), StringComparison.Ordinal);
        Assert.DoesNotContain("tls-verify", Recorded("arguments"), StringComparison.Ordinal);
        Assert.Equal("600", Recorded("mode"));
        Assert.Equal("""{"auths":{"registry.example.com":{"auth":"dXNlcjpzZWNyZXQ="}}}""", Recorded("auth"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(folder.Path, "tmp")));
    }

    [Fact]
    public async Task Resolve_WithoutSkopeo_SaysHowToInstallIt()
    {
        using var path = new Variable("PATH", "/nowhere");

        var error = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync("127.0.0.1:1/image:v1", null, Cancel));

        Assert.Contains("apt-get install skopeo", error.Message, StringComparison.Ordinal);
    }

    private static PaxTarEntry NewFile(string name, string content) => new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };

    private static async Task<string[]> NamesAsync(PulledImage image)
    {
        using var writer = new ContentWriter(new MemoryTier(TimeProvider.System), new ContentCatalog());
        var root = TreeNode.Directory();
        foreach (var path in image.Layers)
        {
            await using var layer = File.OpenRead(path);
            await TarLayer.ApplyAsync(root, layer, writer, new LayerLimits(), Cancel);
        }

        return [.. Listing.Of(root).Select(static l => l.Split(' ')[0])];
    }

    private sealed class Variable : IDisposable
    {
        private readonly string _name;
        private readonly string? _before;

        public Variable(string name, string value)
        {
            (_name, _before) = (name, Environment.GetEnvironmentVariable(name));
            Environment.SetEnvironmentVariable(name, value);
        }

        public void Dispose() => Environment.SetEnvironmentVariable(_name, _before);
    }
}
