using Modal.Images;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Images;

public sealed class ImageTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modal-image-");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void RunFunction_OfAFunction_NamesItItsAssemblyAndItsArgument()
    {
        var secret = Secret.FromDictionary("token", new Dictionary<string, string> { ["T"] = "1" });

        var layer = Image.DebianSlim().RunFunction(new IntFunction(), 7, new BuildOptions { Secrets = [secret] }).Layers[1];

        Assert.Equal("run-function", layer.Operation);
        Assert.Equal(["Test.Square"], layer.Arguments);
        Assert.Equal([("arguments", Convert.ToBase64String([0x91, 7])), ("assembly", "Modal.Sdk.Tests")], layer.Options);
        Assert.Equal(["token"], layer.Secrets);
    }

    [Fact]
    public void RunFunction_OfWhatABuildCannotRun_SaysWhy()
    {
        Assert.Contains("is not registered", Refusal(FunctionTarget.Static("Test.Nowhere")), StringComparison.Ordinal);
        Assert.Contains("is a method of a service", Refusal(FunctionTarget.Method(new SomeService(), "Test.Service.Method")), StringComparison.Ordinal);

        static string Refusal(FunctionTarget target) => Assert.Throws<ArgumentException>(() => Image.DebianSlim().RunFunction(new SomeFunction(target), 1)).Message;
    }

    [Fact]
    public async Task Definition_OfEverything_IsWhatTheServerTakes()
    {
        var secret = Secret.FromDictionary("token", new Dictionary<string, string> { ["T"] = "1" });
        var image = Image.DebianSlim()
            .AptInstall("b", "a", "b")
            .PipInstall(new PipOptions { IndexUrl = "http://i", ExtraIndexUrls = ["http://e"], Pre = true, Secrets = [secret], Gpu = "H100" }, "torch")
            .RunCommands("one", "two")
            .Env("X", "1")
            .Workdir("/srv")
            .User("app")
            .ForceBuild();

        var spec = (await ImageDefinition.ReadAsync(image, Cancel)).Spec;

        Assert.Equal(["debian-slim", "apt-install", "pip-install", "run-commands", "env", "workdir", "user"], spec.Layers.Select(l => l.Operation));
        Assert.Equal(["a", "b"], spec.Layers[1].Arguments);
        Assert.Equal([("extra-index-url", "http://e"), ("index-url", "http://i"), ("pre", "true")], spec.Layers[2].Options.Select(o => (o.Name, o.Value)));
        Assert.Equal(("token", "H100"), (Assert.Single(spec.Layers[2].Secrets), spec.Layers[2].Gpu));
        Assert.Equal(["one", "two"], spec.Layers[3].Arguments);
        Assert.Equal([false, false, false, false, false, false, true], spec.Layers.Select(l => l.ForceBuild));
    }

    [Fact]
    public void Equals_SameDefinition_IsTheSameImage()
    {
        Assert.Equal(Image.DebianSlim().AptInstall("b", "a"), Image.DebianSlim().AptInstall("a", "b"));
        Assert.NotEqual(Image.DebianSlim().AptInstall("a"), Image.DebianSlim().AptInstall("a").ForceBuild());
        Assert.NotEqual(Image.DebianSlim().RunCommands("a", "b"), Image.DebianSlim().RunCommands("b", "a"));
        Assert.False(Image.DebianSlim().Equals(null));
    }

    [Fact]
    public void Method_OnADefinition_LeavesItAsItWas()
    {
        var image = Image.DebianSlim();
        _ = image.AptInstall("a");

        Assert.True(image.IsStandardBase);
        Assert.False(image.ForceBuild().IsStandardBase);
    }

    [Fact]
    public void Method_BadInput_SaysSoAtTheCall()
    {
        var image = Image.DebianSlim();

        Assert.Throws<ArgumentException>(() => image.AptInstall());
        Assert.Throws<ArgumentException>(() => image.PipInstall("a", " "));
        Assert.Throws<ArgumentException>(() => image.RunCommands());
        Assert.Throws<ArgumentException>(() => image.Env("1A", "x"));
        Assert.Contains("must be absolute", Assert.Throws<ArgumentException>(() => image.Workdir("srv")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => image.AddLocalFile("x", "/a/../b"));
        Assert.Throws<ArgumentException>(() => Image.FromRegistry(" "));
        Assert.Throws<ArgumentException>(() => Secret.FromEnvironment());
    }

    [Fact]
    public async Task LocalDirectory_IsReadWithLinksModesAndWithoutWhatIsIgnored()
    {
        await WriteAsync("a.txt", "a");
        await WriteAsync("sub/b.sh", "b");
        await WriteAsync("sub/c.log", "c");
        await WriteAsync("obj/d", "d");
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "empty"));
        File.CreateSymbolicLink(Path.Combine(_folder.FullName, "link"), "a.txt");
#pragma warning disable CA1416 // Windows has no such modes, and this test does not run there.
        File.SetUnixFileMode(Path.Combine(_folder.FullName, "sub/b.sh"), (UnixFileMode)0b111_101_101);
#pragma warning restore CA1416

        var definition = await ImageDefinition.ReadAsync(Image.DebianSlim().AddLocalDirectory(_folder.FullName, "/app", copy: true, ignore: ["**/*.log", "obj"]), Cancel);

        var layer = definition.Spec.Layers[1];
        Assert.Equal(["a.txt", "empty", "link", "sub/b.sh"], layer.Files.Select(f => f.Path));
        Assert.Equal("a.txt", layer.Files[2].LinkTarget);
        Assert.True(layer.Files[1].IsDirectory);
        Assert.Equal(0b111_101_101u, layer.Files[3].Mode);
        Assert.Equal("copy", Assert.Single(layer.Options).Name);
        Assert.Equal("b", await File.ReadAllTextAsync(definition.Paths[layer.Files[3].Digest], Cancel));
    }

    [Fact]
    public async Task Dockerfile_ContextLeavesOutWhatDockerignoreNames()
    {
        await WriteAsync("Dockerfile", "FROM scratch");
        await WriteAsync(".dockerignore", "# build output\nbin\n*.tmp\n!keep.tmp\n");
        await WriteAsync("bin/x", "x");
        await WriteAsync("y.tmp", "y");
        await WriteAsync("keep.tmp", "k");

        var layer = (await ImageDefinition.ReadAsync(Image.FromDockerfile(Path.Combine(_folder.FullName, "Dockerfile"), buildArguments: new Dictionary<string, string> { ["A"] = "1" }, target: "t"), Cancel)).Spec.Layers[0];

        Assert.Equal([".dockerignore", "Dockerfile", "Dockerfile.modal", "keep.tmp"], layer.Files.Select(f => f.Path));
        Assert.Equal("Dockerfile.modal", Assert.Single(layer.Arguments));
        Assert.Equal([("build-arg", "A=1"), ("target", "t")], layer.Options.Select(o => (o.Name, o.Value)));
    }

    [Fact]
    public async Task Dockerfile_WithDockerignoreOfItsOwn_UsesThatOne()
    {
        await WriteAsync("docker/web.Dockerfile", "FROM scratch");
        await WriteAsync("docker/web.Dockerfile.dockerignore", "docker\n*.b\n");
        await WriteAsync(".dockerignore", "*.a\n");
        await WriteAsync("x.a", "");
        await WriteAsync("x.b", "");

        var layer = (await ImageDefinition.ReadAsync(Image.FromDockerfile(Path.Combine(_folder.FullName, "docker/web.Dockerfile"), _folder.FullName), Cancel)).Spec.Layers[0];

        Assert.Equal([".dockerignore", "Dockerfile.modal", "x.a"], layer.Files.Select(f => f.Path));
    }

    [Fact]
    public async Task Dockerfile_LeftOutOfItsContext_IsGivenToTheBuilderAllTheSame()
    {
        await WriteAsync("Dockerfile", "FROM scratch");
        await WriteAsync(".dockerignore", "*\n!in/*/keep\n");
        await WriteAsync("in/a/keep", "");
        await WriteAsync("in/a/other", "");

        var definition = await ImageDefinition.ReadAsync(Image.FromDockerfile(Path.Combine(_folder.FullName, "Dockerfile")), Cancel);

        var files = definition.Spec.Layers[0].Files;
        Assert.Equal(["Dockerfile.modal", "in/a/keep"], files.Select(f => f.Path));
        Assert.Equal("FROM scratch", await File.ReadAllTextAsync(definition.Paths[files[0].Digest], Cancel));
    }

    [Fact]
    public async Task LocalFile_Missing_SaysWhich()
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => ImageDefinition.ReadAsync(Image.DebianSlim().AddLocalFile("/nowhere/x", "/x"), Cancel));

        Assert.Contains("/nowhere/x", error.Message, StringComparison.Ordinal);
    }

    private async Task WriteAsync(string path, string content)
    {
        var full = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        await File.WriteAllTextAsync(full, content, Cancel);
    }

    private sealed class SomeService() : ServiceInstance("Test.Service", ReadOnlyMemory<byte>.Empty);

    private sealed class SomeFunction(FunctionTarget target) : Function<int, int>(target, static (ref w, x) => w.Write(x), static (ref r) => r.ReadInt32());
}
