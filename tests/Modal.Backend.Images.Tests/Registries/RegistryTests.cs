using System.Formats.Tar;
using System.Net;
using System.Text;
using Modal.Backend.Images.Registries;
using Modal.Backend.Images.Tests.Building;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Images.Tests.Registries;

public sealed class RegistryTests
{
    private static readonly NetworkCredential s_right = new(TestRegistry.User, TestRegistry.Password);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pull_Image_HasItsLayersInOrderAndItsSettings()
    {
        await using var registry = await TestRegistry.StartAsync();
        byte[][] layers = [Layer(("a", "1")), Layer(("b", "2"))];
        var reference = await registry.PushAsync(
            "team/app:1", """{"Env":["A=1","B=x=y"],"WorkingDir":"/srv","User":"1000:1000","Entrypoint":["/init","--"],"Cmd":["run"]}""", layers);

        var digest = await Registry.ResolveAsync(reference, null, Cancel);
        string folder;
        using (var pulled = await Registry.PullAsync(reference, digest, null, Cancel))
        {
            folder = pulled.Layers[0];
            Assert.Equal([("A", "1"), ("B", "x=y")], pulled.Config.Environment.Select(p => (p.Key, p.Value)));
            Assert.Equal(("/srv", "1000:1000"), (pulled.Config.WorkingDirectory, pulled.Config.User));
            Assert.Equal(["/init", "--"], pulled.Config.Entrypoint);
            Assert.Equal(["run"], pulled.Config.Command);
            Assert.Equal(2, pulled.Layers.Count);
            Assert.Equal(["a", "b"], await Task.WhenAll(pulled.Layers.Select(FirstNameAsync)));
        }

        Assert.False(File.Exists(folder));
    }

    [Fact]
    public async Task Pull_TagThatHasMoved_GivesWhatItStoodForWhenItWasResolved()
    {
        await using var registry = await TestRegistry.StartAsync();
        var reference = await registry.PushAsync("moving:latest", "{}", Layer(("old", "1")));
        var digest = await Registry.ResolveAsync(reference, null, Cancel);
        await registry.PushAsync("moving:latest", "{}", Layer(("new", "2")));

        using var pulled = await Registry.PullAsync(reference, digest, null, Cancel);

        Assert.Equal("old", await FirstNameAsync(pulled.Layers[0]));
        Assert.NotEqual(digest, await Registry.ResolveAsync(reference, null, Cancel));
        Assert.Equal(digest, await Registry.ResolveAsync($"{registry.Host}/moving@{digest}", null, Cancel));
    }

    [Fact]
    public async Task Pull_WithPassword_NeedsTheRightOne()
    {
        await using var registry = await TestRegistry.StartAsync(withPassword: true);
        var reference = await registry.PushAsync("private:1", "{}", Layer(("a", "1")));

        var none = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(reference, null, Cancel));
        var wrong = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(reference, new NetworkCredential(TestRegistry.User, "not-the-password"), Cancel));
        var digest = await Registry.ResolveAsync(reference, s_right, Cancel);
        using var pulled = await Registry.PullAsync(reference, digest, s_right, Cancel);

        Assert.Contains("REGISTRY_USERNAME", none.Message, StringComparison.Ordinal);
        Assert.Contains("REGISTRY_USERNAME", wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-the-password", wrong.Message, StringComparison.Ordinal);
        Assert.Equal("a", await FirstNameAsync(pulled.Layers[0]));
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), "modal-auth-*"));
    }

    [Fact]
    public async Task Resolve_WhatIsNotThere_SaysSo()
    {
        string host;
        await using (var registry = await TestRegistry.StartAsync())
        {
            host = registry.Host;
            await registry.PushAsync("app:1", "{}", Layer(("a", "1")));
            foreach (var missing in new[] { $"{host}/app:2", $"{host}/other:1" })
            {
                var error = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync(missing, null, Cancel));
                Assert.StartsWith($"{missing} cannot be pulled. The registry has no such image", error.Message, StringComparison.Ordinal);
            }
        }

        var gone = await Assert.ThrowsAsync<RegistryException>(() => Registry.ResolveAsync($"{host}/app:1", null, Cancel));
        Assert.Contains("could not be asked", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_FromARegistry_IsBuiltOnceForWhatTheTagStandsFor()
    {
        await using var registry = await TestRegistry.StartAsync(withPassword: true);
        using var builder = new TestBuilder();
        var reference = await registry.PushAsync("app:1", """{"Env":["A=1"]}""", Layer(("etc/kept", "1"), ("etc/removed", "2")), Layer(("etc/.wh.removed", ""), ("etc/added", "3")));
        var layer = TestBuilder.Layer("from-registry", reference);
        layer.Secrets.Add("registry");
        var spec = TestBuilder.Spec(layer);

        var (root, record) = await builder.BuiltAsync(spec, AddSecret);
        var again = await builder.BuildAsync(spec, AddSecret);
        await registry.PushAsync("app:1", """{"Env":["A=2"]}""", Layer(("etc/moved", "4")));
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
        await using var registry = await TestRegistry.StartAsync(withPassword: true);
        using var builder = new TestBuilder();
        var reference = await registry.PushAsync("app:1", "{}", Layer(("a", "1")));
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
        Variables = { ["REGISTRY_USERNAME"] = TestRegistry.User, ["REGISTRY_PASSWORD"] = TestRegistry.Password },
    });

    private static byte[] Layer(params (string Name, string Content)[] files)
    {
        using var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) });
            }
        }

        return archive.ToArray();
    }

    // skopeo compresses layers on their way to a registry.
    private static async Task<string> FirstNameAsync(string layer)
    {
        await using var file = File.OpenRead(layer);
        await using var plain = file.ReadByte() == 0x1F ? new System.IO.Compression.GZipStream(file, System.IO.Compression.CompressionMode.Decompress) : (Stream)file;
        file.Position = 0;
        await using var tar = new TarReader(plain);
        return (await tar.GetNextEntryAsync(copyData: false, Cancel))!.Name;
    }
}
