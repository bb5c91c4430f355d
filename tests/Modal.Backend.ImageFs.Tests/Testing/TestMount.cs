using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Serving;
using Modal.Backend.Store.Indexes;
using Xunit;

namespace Modal.Backend.ImageFs.Tests.Testing;

/// <summary>An image mounted by this process.</summary>
internal sealed class TestMount : IAsyncDisposable
{
    private readonly FuseSession _session;

    private TestMount(string path, ImageFileSystem fileSystem, FuseSession session) => (Path, FileSystem, _session) = (path, fileSystem, session);

    public string Path { get; }

    public ImageFileSystem FileSystem { get; }

    public FuseSession Session => _session;

    /// <summary>Skips the test where nothing can be mounted.</summary>
    public static void RequireFuse()
    {
        if (FuseProbe.FindObstacle() is { } obstacle)
        {
            Assert.Skip(obstacle);
        }
    }

    public static async Task<TestMount> StartAsync(ImageIndex index, PackContent content, MountState? state = null, ILogger? logger = null)
    {
        RequireFuse();
        var path = Directory.CreateTempSubdirectory("modal-mount-").FullName;
        var device = FuseDevice.Open();
        FuseMounting.Mount(device, path, "modal-test");
        var fileSystem = new ImageFileSystem(index, content, state is null ? null : new OpenFiles(index, content, state));
        var session = new FuseSession([device, FuseDevice.Clone(device)], fileSystem, "test", logger ?? NullLogger.Instance);
        session.Start(resume: false);
        await session.Ready.WaitAsync(TimeSpan.FromSeconds(30));
        return new TestMount(path, fileSystem, session);
    }

    public async ValueTask DisposeAsync()
    {
        Mounting.TryDetach(Path);
        await _session.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        _session.Dispose();
        Directory.Delete(Path);
    }
}
