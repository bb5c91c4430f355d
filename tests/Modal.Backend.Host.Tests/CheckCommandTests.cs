using Modal.Backend.Host.Commands;
using Modal.Backend.Store.Objects;
using Modal.Backend.Store.Trees;
using Xunit;

namespace Modal.Backend.Host.Tests;

public sealed class CheckCommandTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modal-check-");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Store => Path.Combine(_folder.FullName, "store");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Check_DamagedPack_IsNamedThenRepaired()
    {
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "files"));
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "files", "a"), "hello", Cancel);
        using var writer = new ContentWriter(new FolderTier(Store), new ContentCatalog());
        using var image = await writer.FinishAsync(await DirectoryTree.ScanAsync(Path.Combine(_folder.FullName, "files"), writer, Cancel), Cancel);
        Assert.Equal(((int)ExitCode.Success, true), await CheckAsync(repair: false, "nothing is damaged"));

        var pack = Directory.GetFiles(Path.Combine(Store, "pack"), "*", SearchOption.AllDirectories).Single();
        File.SetUnixFileMode(pack, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var bytes = await File.ReadAllBytesAsync(pack, Cancel);
        bytes[3] ^= 0xFF;
        await File.WriteAllBytesAsync(pack, bytes, Cancel);

        // One that was put while the check ran would be left alone.
        File.SetLastWriteTimeUtc(pack, DateTime.UtcNow.AddHours(-2));
        Assert.Equal(((int)ExitCode.Damaged, true), await CheckAsync(repair: false, $"pack/{image.GetPack(0)}: "));
        Assert.Equal(((int)ExitCode.Success, true), await CheckAsync(repair: true, image.Id.ToString()));
        Assert.Equal(((int)ExitCode.Success, true), await CheckAsync(repair: false, "nothing is damaged"));
        Assert.False(File.Exists(pack));
    }

    [Fact]
    public async Task Check_AddressThatIsNone_SaysSo()
    {
        using var output = new StringWriter();

        Assert.Equal((int)ExitCode.Failure, await CheckCommand.RunAsync("tape:1", repair: false, output, Cancel));

        Assert.Contains("it must be folder:/path", output.ToString(), StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, bool Says)> CheckAsync(bool repair, string text)
    {
        using var output = new StringWriter();
        return (await CheckCommand.RunAsync($"folder:{Store}", repair, output, Cancel), output.ToString().Contains(text, StringComparison.Ordinal));
    }
}
