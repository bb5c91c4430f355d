using Modal.Protocol;
using Modal.Runtime;
using Modal.Sdk.Tests.Fakes;
using Xunit;

namespace Modal.Sdk.Tests.Images;

[Collection("client")]
public sealed class ImageBuildTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_FunctionsWithAnImage_BuildItOnceWithItsFilesAndNameIt()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "content of the file", Cancel);
        var image = Image.DebianSlim().AddLocalFile(file, "/etc/x", copy: true);
        var (one, two) = (Register("Image.One", () => image, null), Register("Image.Two", () => image, null));
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        client.Server.Build = _ => [new BuildEvent { Built = new ImageBuilt { ImageId = "im-0000000000000000000000" } }];

        await Task.WhenAll(one.CallAsync(2, Cancel), two.CallAsync(3, Cancel));

        var request = Assert.Single(client.Server.Builds);
        Assert.True(request.ForFunction);
        Assert.Contains(request.Image.Layers[1].Files[0].Digest, client.Server.Blobs.Keys);
        Assert.All(client.Server.Functions, f => Assert.Equal("im-0000000000000000000000", f.ImageId));
        File.Delete(file);
    }

    [Fact]
    public async Task Call_BuildFails_ThrowsWhatFailed()
    {
        var function = Register("Image.Fails", () => Image.DebianSlim().RunCommands("false"), null);
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        client.Server.Build = _ => [new BuildEvent { Failed = new BuildFailed { Layer = 1, Message = "'false' ended with exit code 1.", Command = "false", ExitCode = 1, OutputTail = "last words" } }];

        var error = await Assert.ThrowsAsync<ImageBuildException>(() => function.CallAsync(1, Cancel));

        Assert.Equal((1, "false", 1, "last words"), (error.Layer, error.Command, error.ExitCode, error.OutputTail));
        Assert.Contains("last words", error.Message, StringComparison.Ordinal);
        Assert.Empty(client.Server.Functions);
    }

    [Fact]
    public async Task Call_StandardBase_BuildsNothing()
    {
        var function = Register("Image.Base", Image.DebianSlim, null);
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        Assert.Equal(9, await function.CallAsync(3, Cancel));

        Assert.Empty(client.Server.Builds);
    }

    [Fact]
    public async Task Call_ImageAsCompiled_Runs()
    {
        var function = Register("Image.AsCompiled", static () => Image.DebianSlim().ForceBuild(), """{"operation":"debian-slim","forceBuild":true}""");
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });
        client.Server.Build = _ => [new BuildEvent { Built = new ImageBuilt { ImageId = "im-0000000000000000000000" } }];

        Assert.Equal(9, await function.CallAsync(3, Cancel));
    }

    [Fact]
    public async Task Call_ImageOtherThanCompiled_NamesBothAndBuildsNothing()
    {
        var function = Register("Image.Changed", static () => Image.DebianSlim().AptInstall("b"), """{"operation":"debian-slim"}""", """{"operation":"apt-install","arguments":["a"]}""");
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<ImageMismatchException>(() => function.CallAsync(3, Cancel));

        Assert.Equal(("Image.Changed", "Jobs.Member", 1), (error.Function, error.Member, error.Layer));
        Assert.Equal(
            """The image of 'Image.Changed' is not what it was when the program was compiled: layer 1 of 'Jobs.Member' was {"operation":"apt-install","arguments":["a"]} and is """
            + """{"operation":"apt-install","arguments":["b"]}. Build the program anew; if that does not help, something changes the image while the program runs: """
            + "make all that its definition reads constant or readonly.",
            error.Message);
        Assert.Empty(client.Server.Builds);
        Assert.Empty(client.Server.Functions);
    }

    [Theory]
    [InlineData("", """{"operation":"debian-slim"}""")]
    [InlineData("""{"operation":"debian-slim"}|{"operation":"user","arguments":["app"]}""", "")]
    public async Task Call_ImageWithMoreOrFewerLayersThanCompiled_SaysWhichIsNotThere(string compiled, string evaluated)
    {
        var layers = compiled.Split('|', StringSplitOptions.RemoveEmptyEntries);
        var function = Register($"Image.Layers{layers.Length}", Image.DebianSlim, layers);
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        var error = await Assert.ThrowsAsync<ImageMismatchException>(() => function.CallAsync(3, Cancel));

        Assert.Equal((layers.Length > 0 ? 1 : 0, layers.LastOrDefault() ?? "", evaluated), (error.Layer, error.Compiled, error.Evaluated));
        Assert.Contains("not there", error.Message, StringComparison.Ordinal);
    }

    private static NamedFunction Register(string name, Func<Image> image, params string[]? compiled)
    {
        var known = compiled is null ? null : new CompiledImage("Jobs.Member", compiled);
        FunctionRegistry.Register(new FunctionDefinition { Name = name, Assembly = "Modal.Sdk.Tests", Image = image, CompiledImage = known, Invoke = static _ => throw new NotSupportedException() });
        return new NamedFunction(name);
    }

    private sealed class NamedFunction(string name) : Function<int, int>(
        FunctionTarget.Static(name),
        static (ref w, x) =>
        {
            w.WriteArrayHeader(1);
            w.Write(x);
        },
        static (ref r) => r.ReadInt32());
}
