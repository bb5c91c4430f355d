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
        var (one, two) = (Register("Image.One", () => image), Register("Image.Two", () => image));
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
        var function = Register("Image.Fails", () => Image.DebianSlim().RunCommands("false"));
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
        var function = Register("Image.Base", Image.DebianSlim);
        await using var client = await ClientHarness.StartAsync(new FakeServer { Answer = Answers.Square });

        Assert.Equal(9, await function.CallAsync(3, Cancel));

        Assert.Empty(client.Server.Builds);
    }

    private static NamedFunction Register(string name, Func<Image> image)
    {
        FunctionRegistry.Register(new FunctionDefinition { Name = name, Assembly = "Modal.Sdk.Tests", Image = image, Invoke = static _ => throw new NotSupportedException() });
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
