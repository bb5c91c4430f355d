using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Modal.Backend.Images.Building;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Containers;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Runners;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Session;
using Modal.Backend.Worker.Snapshots;
using Modal.Backend.Worker.Volumes;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Harness;

/// <summary>A worker without a server: everything between the two ends of its session is real.</summary>
internal sealed class TestWorker : IAsyncDisposable
{
    private readonly SandboxHost _host;
    private readonly ContainerServices _services;
    private readonly List<TestContainer> _containers = [];
    private readonly ITimer _ticks;

    private TestWorker(string state, SandboxHost host, ContainerServices services, LocalBlobs blobs, SnapshotLog log)
    {
        Snapshots = log;
        (StateDirectory, _host, _services, Blobs) = (state, host, services, blobs);
        _ticks = TimeProvider.System.CreateTimer(_ => Tick(), null, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
    }

    public static string RepositoryRoot => Metadata("RepositoryRoot");

    public static string BuildFolder => Path.Combine("bin", Metadata("Configuration"), "net10.0");

    public string StateDirectory { get; }

    public LocalBlobs Blobs { get; }

    /// <summary>What containers reach as their server.</summary>
    public required EchoServer Server { get; init; }

    /// <summary>What became of snapshots.</summary>
    public SnapshotLog Snapshots { get; }

    public WorkerOptions Settings => _services.Options;

    public ISandboxFactory Factory => _services.Factory;

    public RunnerPool Runners => _services.Runners;

    public Holdings Holdings => _services.Holdings;

    /// <summary>A worker, or a skipped test where gVisor cannot run.</summary>
    /// <param name="kind">Sandboxes it uses.</param>
    /// <param name="state">State directory to take over; null for a fresh one.</param>
    /// <param name="waitingRunners">How many runners wait at most.</param>
    /// <param name="store">The folder of a store that it shares with others; null for one of its own.</param>
    /// <param name="configure">Changes its settings, by which it has no GPUs.</param>
    public static async Task<TestWorker> StartAsync(SandboxKind kind, string? state = null, string? store = null, int waitingRunners = 0, Action<WorkerOptions>? configure = null)
    {
        var log = new SnapshotLog();
        var directory = state ?? Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
        var settings = new WorkerOptions
        {
            StateDirectory = directory,
            ImageFsDirectory = Path.Combine(RepositoryRoot, "Backend", "ImageFs", BuildFolder),
            RunnerDirectory = Path.Combine(RepositoryRoot, "Backend", "Runner", BuildFolder),
            BaseRootDirectory = BaseRoot() ?? "/nonexistent",
            Sandbox = kind,
            Gpus = [],
        };
        configure?.Invoke(settings);
        var options = Options.Create(settings);
        if (kind == SandboxKind.GVisor && BaseRoot() is null)
        {
            Assert.Skip("There is no base root file system; the test script makes one.");
        }

        var host = new SandboxHost(options, new EventLoop(NullLogger<EventLoop>.Instance), new MemoryWatch(TimeProvider.System), NullLogger<SandboxHost>.Instance);
        SandboxChoice choice;
        try
        {
            choice = await new SandboxProbe(host, NullLogger<SandboxProbe>.Instance).ChooseAsync(TestContext.Current.CancellationToken);
        }
        catch (SandboxStartException e)
        {
            host.Dispose();
            Assert.Skip(e.Message);
            throw;
        }

        choice.Factory.RemoveLeftovers();
        var blobs = new LocalBlobs();
        var images = new ImageStore(new FolderTier(store ?? Path.Combine(directory, "store")), Path.Combine(directory, "indexes"), TimeProvider.System);
        var roots = new ImageRoots(options, images, TimeProvider.System, NullLogger<ImageRoots>.Instance);
        var codes = new CodeVersions(options, blobs);
        var gpus = new GpuInventory(options, NullLogger<GpuInventory>.Instance);
        var used = new UsedImages();
        var workerImages = new WorkerImages(options, images, roots, used, codes, blobs, gpus, TimeProvider.System, NullLogger<ImageBuilder>.Instance, NullLogger<WorkerImages>.Instance);
        var snapshots = new SnapshotService(options, images, TimeProvider.System, log);
        snapshots.CleanUp();
        var containerImages = workerImages.Open(choice.Factory);
        var runners = new RunnerPool(choice.Factory, containerImages, snapshots, Path.Combine(directory, "containers"), waitingRunners, TimeProvider.System, NullLogger.Instance);
        var holdings = new Holdings();
        var server = new EchoServer();
        var volumes = new VolumeService(options, images, roots, used, new NoServer(), TimeProvider.System, NullLogger<VolumeService>.Instance);
        var services = new ContainerServices(
            options.Value, choice.Factory, codes, containerImages, volumes, snapshots, runners, holdings, blobs, gpus, new SemaphoreSlim(2), server.ConnectAsync, TimeProvider.System, NullLogger.Instance);
        return new TestWorker(directory, host, services, blobs, log) { Server = server };
    }

    /// <summary>Starts a container of a function of the test code.</summary>
    public TestContainer Run(string name, Action<StartContainer>? change = null)
    {
        var start = new StartContainer
        {
            ContainerId = Id.New(Id.Container),
            AppId = Id.New(Id.App),
            Code = Blobs.AddFolder(Path.Combine(RepositoryRoot, "tests", "Modal.Backend.Worker.TestCode", BuildFolder)),
            Function = new FunctionSpec
            {
                FunctionId = Id.New(Id.Function),
                Name = "Test." + name,
                Assembly = "Modal.Backend.Worker.TestCode",
                Methods = { "Test." + name },
                Resources = new Resources { CpuCores = 1, MemoryMib = 512 },
                TimeoutMs = 60_000,
            },
        };
        change?.Invoke(start);
        var container = new TestContainer(start, _services);
        lock (_containers)
        {
            _containers.Add(container);
        }

        return container;
    }

    /// <summary>Forgets everything without cleaning up, as a process that is killed does.</summary>
    public void Crash()
    {
        _ticks.Dispose();
        _host.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in _containers)
        {
            container.Stop(TimeSpan.Zero);
            await container.Ended;
        }

        await _ticks.DisposeAsync();
        await _services.Snapshots.DisposeAsync();
        await _services.Runners.DisposeAsync();
        _host.Dispose();
        Directory.Delete(StateDirectory, recursive: true);
    }

    private static string? BaseRoot()
    {
        var bases = Path.Combine(Environment.GetEnvironmentVariable("MODAL_STATE_DIR") ?? "/var/lib/modal", "base");
        return Directory.Exists(bases) ? Directory.EnumerateDirectories(bases).Select(b => Path.Combine(b, "rootfs")).FirstOrDefault(Directory.Exists) : null;
    }

    private static string Metadata(string key) =>
        typeof(TestWorker).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;

    private void Tick()
    {
        lock (_containers)
        {
            _containers.ForEach(c => c.Tick());
            _services.Runners.Tick(isBusy: _services.StartSlots.CurrentCount < 2);
        }
    }
}
