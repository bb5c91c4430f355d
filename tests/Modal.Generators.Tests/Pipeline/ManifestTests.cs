using System.Text.Json;
using Modal.Generators.Tests.Harness;
using Modal.Generators.Tests.Snapshots;

namespace Modal.Generators.Tests.Pipeline;

public sealed class ManifestTests
{
    [Fact]
    public void Manifest_OfCompiledAssembly_IsReadWithoutRunningIt()
    {
        using var manifest = JsonDocument.Parse(Manifest.Read(GeneratorRun.Emit(Samples.Functions, Samples.Service)));
        var root = manifest.RootElement;

        Assert.Equal(1, root.GetProperty("version").GetInt32());
        Assert.Equal(
            ["Demo.Jobs.Colors", "Demo.Jobs.Later", "Demo.Jobs.Maybe", "Demo.Jobs.Nothing", "Demo.Jobs.Scale", "Demo.Jobs.Square"],
            root.GetProperty("functions").EnumerateArray().Select(f => f.GetProperty("name").GetString()));
        var square = root.GetProperty("functions")[5];
        Assert.Equal("H100", square.GetProperty("options").GetProperty("Gpu").GetString());
        Assert.Equal(600, square.GetProperty("options").GetProperty("TimeoutSeconds").GetInt32());
        Assert.Equal("Torch", square.GetProperty("image").GetString());
        var service = Assert.Single(root.GetProperty("services").EnumerateArray());
        Assert.Equal("Model", service.GetProperty("name").GetString());
        Assert.Equal(["Model.Generate", "Model.Stream"], service.GetProperty("functions").EnumerateArray().Select(f => f.GetProperty("name").GetString()));
        Assert.Equal(["LoadAsync", "Warm"], service.GetProperty("enter").EnumerateArray().Select(f => f.GetProperty("name").GetString()));
    }

    [Fact]
    public void Manifest_OfDifficultText_IsValidJson()
    {
        using var manifest = JsonDocument.Parse(Manifest.Read(GeneratorRun.Emit(Samples.Names)));

        Assert.Equal("namespace.Inner.Program.class.ItemsFunction", manifest.RootElement.GetProperty("functions")[1].GetProperty("name").GetString());
    }

    [Fact]
    public void Manifest_Images_HasTheirLayersOrWhyNot()
    {
        using var manifest = JsonDocument.Parse(Manifest.Read(GeneratorRun.Emit(Samples.Images)));
        var functions = manifest.RootElement.GetProperty("functions").EnumerateArray().ToDictionary(f => f.GetProperty("name").GetString()!, f => f.GetProperty("imageSpec"));
        var own = manifest.RootElement.GetProperty("services")[0].GetProperty("imageSpec");

        Assert.Equal("Environment.GetEnvironmentVariable is not constant", functions["Demo.Trained.Ask"].GetProperty("dynamic").GetString());
        Assert.Equal(
            ["from-registry", "apt-install", "pip-install", "add-local-directory", "env"],
            functions["Demo.Trained.Read"].GetProperty("layers").EnumerateArray().Select(l => l.GetProperty("operation").GetString()));
        Assert.Equal(
            """{"operation":"pip-install","arguments":["torch==2.5.1"],"options":[["index-url","https://pypi.example.com"]],"secrets":["env:TOKEN"],"gpu":"H100"}""",
            functions["Demo.Trained.Train"].GetProperty("layers")[2].GetRawText());
        Assert.Equal("""{"layers":[{"operation":"debian-slim","forceBuild":true}]}""", own.GetRawText());
    }
}
