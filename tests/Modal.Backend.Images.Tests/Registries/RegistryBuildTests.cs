using System.Formats.Tar;
using System.Text;
using Modal.Backend.Images.Tests.Building;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Registries;

public sealed class RegistryBuildTests
{
    [Fact]
    public async Task Build_FromARegistry_IsBuiltOnceForWhatTheTagStandsFor()
    {
        await using var registry = await LocalRegistry.StartAsync(withPassword: true);
        using var builder = new TestBuilder();
        var reference = await PushAsync(registry, """{"Env":["A=1"]}""", Layer(("etc/kept", "1"), ("etc/removed", "2")), Layer(("etc/.wh.removed", ""), ("etc/added", "3")));
        var layer = TestBuilder.Layer("from-registry", reference);
        layer.Secrets.Add("registry");
        var spec = TestBuilder.Spec(layer);

        var (root, record) = await builder.BuiltAsync(spec, AddSecret);
        var again = await builder.BuildAsync(spec, AddSecret);
        await PushAsync(registry, """{"Env":["A=2"]}""", Layer(("etc/moved", "4")));
        var (moved, movedRecord) = await builder.BuiltAsync(spec, AddSecret);

        Assert.Equal("1", record.Config.Environment["A"]);
        Assert.Equal(("1", "3"), (builder.Read(root.Find("etc/kept")!), builder.Read(root.Find("etc/added")!)));
        Assert.Null(root.Find("etc/removed"));
        Assert.Equal(0, again[^1].Built.BuiltLayers);
        Assert.NotNull(moved.Find("etc/moved"));
        Assert.Equal("2", movedRecord.Config.Environment["A"]);
    }

    [Fact]
    public async Task Build_FromARegistryWithoutItsSecret_SaysWhatToDo()
    {
        await using var registry = await LocalRegistry.StartAsync(withPassword: true);
        using var builder = new TestBuilder();
        var reference = await PushAsync(registry, "{}", Layer(("a", "1")));
        var named = TestBuilder.Layer("from-registry", reference);
        named.Secrets.Add("registry");

        var without = (await builder.BuildAsync(TestBuilder.Spec(TestBuilder.Layer("from-registry", reference))))[^1].Failed;
        var notSent = (await builder.BuildAsync(TestBuilder.Spec(named)))[^1].Failed;

        Assert.Equal(0, without.Layer);
        Assert.Contains("give credentials", without.Message, StringComparison.Ordinal);
        Assert.Contains("must have REGISTRY_USERNAME and REGISTRY_PASSWORD", notSent.Message, StringComparison.Ordinal);
    }

    private static void AddSecret(BuildImageRequest request) => request.Secrets.Add(new BuildSecret
    {
        Name = "registry",
        Variables = { ["REGISTRY_USERNAME"] = LocalRegistry.User, ["REGISTRY_PASSWORD"] = LocalRegistry.Password },
    });

    private static async Task<string> PushAsync(LocalRegistry registry, string settings, params TarEntry[][] layers)
    {
        using var image = OciLayout.Of("amd64", settings, layers);
        return await registry.PushAsync(image, "app:1");
    }

    private static TarEntry[] Layer(params (string Name, string Content)[] files) =>
        [.. files.Select(static f => new PaxTarEntry(TarEntryType.RegularFile, f.Name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(f.Content)) })];
}
