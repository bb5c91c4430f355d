using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.Store.Indexes;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>A supervisor whose server is this test program, with its folders.</summary>
internal sealed class TestSupervisor : IAsyncDisposable
{
    private readonly bool _realServer;

    private TestSupervisor(string folder, bool realServer) => (Folder, _realServer) = (folder, realServer);

    public string Folder { get; }

    public string CacheFolder => Path.Combine(Folder, "cache");

    private string TierFolder => Path.Combine(Folder, "tier");

    public ImageFsSupervisor Supervisor { get; private set; } = null!;

    public ImageFsOptions Options => new()
    {
        StateFolder = Path.Combine(Folder, "state"),
        CacheFolder = CacheFolder,
        Tier = _realServer ? $"folder:{TierFolder}" : TierFolder,
        ServerCommand = _realServer ? [] : [Path.Combine(AppContext.BaseDirectory, "Modal.Backend.ImageFs.Tests"), "serve"],
    };

    public static async Task<TestSupervisor> StartAsync(ImageIndex index, DictionaryTier tier, bool realServer = false)
    {
        TestMount.RequireFuse();
        var test = new TestSupervisor(Directory.CreateTempSubdirectory("modal-imagefs-").FullName, realServer);
        Directory.CreateDirectory(test.CacheFolder);
        await tier.SaveAsync(test.TierFolder, realServer);
        await File.WriteAllBytesAsync(test.IndexPath, index.Bytes.ToArray());
        test.Supervisor = ImageFsSupervisor.Start(test.Options, NullLogger.Instance, TimeProvider.System);
        return test;
    }

    public string IndexPath => Path.Combine(Folder, "image.index");

    public string NewMountPoint() => Path.Combine(Folder, "mnt-" + Guid.NewGuid().ToString("N")[..8]);

    public async Task KillServerAsync()
    {
        var stats = await Supervisor.GetStatsAsync(TestContext.Current.CancellationToken);
        using var process = System.Diagnostics.Process.GetProcessById(stats.ProcessId);
        process.Kill();
    }

    public async ValueTask DisposeAsync()
    {
        await Supervisor.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
