using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using Modal.Generators.Tests.Harness;
using Modal.Generators.Tests.Snapshots;

namespace Modal.Generators.Tests.Pipeline;

public sealed class ManifestTests
{
    [Fact]
    public void Manifest_OfCompiledAssembly_IsReadWithoutRunningIt()
    {
        using var manifest = JsonDocument.Parse(Read(GeneratorRun.Emit(Samples.Functions, Samples.Service)));
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
        using var manifest = JsonDocument.Parse(Read(GeneratorRun.Emit(Samples.Names)));

        Assert.Equal("namespace.Inner.Program.class.ItemsFunction", manifest.RootElement.GetProperty("functions")[1].GetProperty("name").GetString());
    }

    private static string Read(byte[] assembly)
    {
        using var file = new PEReader(new MemoryStream(assembly));
        var metadata = file.GetMetadataReader();
        foreach (var handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            var type = metadata.GetTypeReference((TypeReferenceHandle)metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent);
            if (metadata.GetString(type.Name) == nameof(ModalManifestAttribute))
            {
                var blob = metadata.GetBlobReader(attribute.Value);
                blob.ReadUInt16();
                return blob.ReadSerializedString()!;
            }
        }

        throw new InvalidOperationException("The assembly has no manifest.");
    }
}
