using Modal.Apps;
using Xunit;

namespace Modal.Sdk.Tests.Apps;

public sealed class CodeCollectorTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("modal-code-").FullName;

    [Fact]
    public async Task CollectAsync_BuildOutput_TakesWhatContainersNeed()
    {
        Put("app.dll", "app", "app.pdb", "app.deps.json", "data/table.csv", ".hidden", "ref/app.dll", "runtimes/win-x64/native/a.dll", "runtimes/linux-x64/native/a.so");

        var code = await new CodeCollector(_root).CollectAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["app.deps.json", "app.dll", "app.pdb", "data/table.csv", "runtimes/linux-x64/native/a.so"], code.Files.Select(f => f.Path));
    }

    [Fact]
    public async Task CollectAsync_SameFiles_SameDigest_OtherContentAnother()
    {
        Put("app.dll");
        var first = await new CodeCollector(_root).CollectAsync(TestContext.Current.CancellationToken);
        var second = await new CodeCollector(_root + "/").CollectAsync(TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_root, "app.dll"), "other", TestContext.Current.CancellationToken);
        var third = await new CodeCollector(_root).CollectAsync(TestContext.Current.CancellationToken);

        Assert.Equal(first.Digest, second.Digest);
        Assert.NotEqual(first.Digest, third.Digest);
    }

    [Fact]
    public async Task CollectAsync_NoAssemblies_SaysWhatToDo()
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => new CodeCollector(_root).CollectAsync(TestContext.Current.CancellationToken));

        Assert.Contains("dotnet run", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Put(params string[] paths)
    {
        foreach (var path in paths)
        {
            var full = Path.Combine(_root, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, path);
        }
    }
}
