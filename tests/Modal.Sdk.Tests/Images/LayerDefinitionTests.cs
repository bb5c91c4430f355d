using System.Text.Json;
using Modal.Images.Definitions;
using Xunit;

namespace Modal.Sdk.Tests.Images;

public sealed class LayerDefinitionTests
{
    [Fact]
    public void ToJson_OfEverything_IsCanonical()
    {
        var layer = new LayerDefinition("x", ["b", "a\"\u00e9"], [("z", "1"), ("a", "2"), ("z", "0")])
        {
            Secrets = ["env:T"],
            Gpu = "H100",
            ForceBuild = true,
            Local = new LocalFilesDefinition(LocalFilesKind.Dockerfile, "d/Dockerfile", ".", "bin\nobj"),
        };

        Assert.Equal(
            """
            {"operation":"x","arguments":["b","a\"\u00e9"],"options":[["a","2"],["z","1"],["z","0"]],"secrets":["env:T"],"gpu":"H100","forceBuild":true,"local":{"kind":"dockerfile","path":"d/Dockerfile","context":".","ignore":"bin\u000aobj"}}
            """,
            layer.ToJson());
        using var parsed = JsonDocument.Parse(layer.ToJson());
        Assert.Equal("a\"\u00e9", parsed.RootElement.GetProperty("arguments")[1].GetString());
    }

    [Fact]
    public void ToJson_Defaults_AreLeftOut() => Assert.Equal("""{"operation":"debian-slim"}""", new LayerDefinition("debian-slim").ToJson());

    [Fact]
    public void ToJson_LayersThatDiffer_HaveTextsThatDiffer()
    {
        LayerDefinition[] layers =
        [
            new("a"), new("b"), new("a", ["x"]), new("a", ["x", ""]), new("a", ["x", "y"]), new("a", ["x,y"]), new("a", [], [("x", "y")]), new("a", [], [("x", ""), ("y", "")]),
            new("a") { Secrets = ["x"] }, new("a") { Gpu = "x" }, new("a") { ForceBuild = true },
            new("a") { Local = new(LocalFilesKind.File, "x") }, new("a") { Local = new(LocalFilesKind.Directory, "x") }, new("a") { Local = new(LocalFilesKind.Dockerfile, "x") },
            new("a") { Local = new(LocalFilesKind.Dockerfile, "x", "") }, new("a") { Local = new(LocalFilesKind.Directory, "x", Ignore: "y") },
        ];

        Assert.Equal(layers.Length, layers.Distinct().Count());
        Assert.Equal(layers.Length, layers.Select(l => l.ToJson()).Distinct().Count());
        Assert.Equal(new LayerDefinition("a", ["x"]) { Secrets = ["y"] }.ToJson(), new LayerDefinition("a", ["x"]) { Secrets = ["y"] }.ToJson());
    }

    [Theory]
    [InlineData("", "It is empty. (Parameter 'path')")]
    [InlineData("srv", "'srv' is a path in the container: it must be absolute, such as /app, and without '..'. (Parameter 'path')")]
    [InlineData("/a/../b", "'/a/../b' is a path in the container: it must be absolute, such as /app, and without '..'. (Parameter 'path')")]
    public void Workdir_CannotBe_NamesTheParameter(string path, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => Image.DebianSlim().Workdir(path)).Message);

    [Fact]
    public void Image_ListsChangedAfterwards_LeaveItAsItWas()
    {
        string[] commands = ["one"];
        var image = Image.DebianSlim().RunCommands(commands);

        commands[0] = "two";

        Assert.Equal("one", Assert.Single(image.Layers[1].Arguments));
    }
}
