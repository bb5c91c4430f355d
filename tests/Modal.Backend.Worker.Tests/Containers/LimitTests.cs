using System.Diagnostics;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What a container is held to, and what others notice of it.</summary>
public sealed class LimitTests
{
    [Fact]
    public async Task Spin_WithAProcessorLimit_GetsThatMuchAndStartsWithoutIt()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Spin", start => start.Function.Resources.CpuLimitCores = 0.25);
        await container.ReadyAsync();

        var before = Machine.ProcessorTime(container.Id);

        await IntegerAsync(container, 3000);

        // A quarter of 3 s, the allowance for the sandbox, and a period at each end; without the limit it is 3 to 6 s. Seen from outside, because a sandbox counts waiting as working.
        var had = Machine.ProcessorTime(container.Id) - before;
        TestContext.Current.SendDiagnosticMessage("Two threads that computed for 3 s with a limit of 0.25 cores had {0} ms", had.TotalMilliseconds);
        Assert.InRange(had.TotalMilliseconds, 100, 1300);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(2048)]
    public async Task Fill_PastTheDisk_FailsInTheCodeAndTheContainerLives(long diskMiB)
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Fill", start =>
        {
            start.Function.Resources.MemoryMib = 256;
            start.Function.Resources.EphemeralDiskMib = diskMiB;
        });
        var half = (int)diskMiB / 2;

        Assert.Equal(half, await IntegerAsync(container, half));
        var failure = (await container.CallAsync(TestContainer.Arguments(half))).Failure;

        Assert.Equal((FailureKind.UserException, "System.IO.IOException"), (failure.Kind, failure.Exception.Type));
        Assert.Contains("No space left on device", failure.Exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, await IntegerAsync(container, 0));
    }

    [Fact]
    public async Task Fill_WithoutADiskOfItsOwn_IsBoundedByHalfOfTheMemory()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Fill");

        var failure = (await container.CallAsync(TestContainer.Arguments(300))).Failure;

        Assert.Contains("No space left on device", failure.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MakeDisk_ThatCannotBe_SaysWhyAndLeavesNothing()
    {
        var folder = Directory.CreateTempSubdirectory("modal-disk-test-").FullName;
        try
        {
            // Too small for a file system.
            var (path, obstacle) = await SandboxDisk.MakeAsync(folder, 0, TestContext.Current.CancellationToken);

            Assert.Null(path);
            Assert.StartsWith("mkfs.ext4 ended with exit code 1", obstacle, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFiles(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(0, null, "tmpfs size=256m")]
    [InlineData(100, null, "tmpfs size=100m")]
    [InlineData(100, "/disk", "bind nodev")]
    public void Configuration_TemporaryFiles_AreOnTheDiskOrInAsMuchMemory(long diskMiB, string? folder, string mount)
    {
        var spec = new BundleSpec
        {
            Root = "/r",
            Command = ["/c"],
            WorkingDirectory = "/",
            Environment = new Dictionary<string, string>(),
            MemoryMiB = 512,
            TemporaryMiB = diskMiB,
            DiskFolder = folder,
        };

        var found = GVisorBundle.Configuration(spec)["mounts"]!.AsArray().Single(m => m!["destination"]!.GetValue<string>() == "/tmp")!;

        Assert.Equal(mount, $"{found["type"]} {found["options"]!.AsArray()[^1]}");
        Assert.Equal(folder ?? "tmpfs", found["source"]!.GetValue<string>());
    }

    [Fact]
    public async Task End_OfAContainerWithADisk_LeavesNoMountAndNoLoopDevice()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Fill", start => start.Function.Resources.EphemeralDiskMib = 64);
        await IntegerAsync(container, 1);
        Assert.Single(MountTable.Read(), m => m.Path.StartsWith(worker.StateDirectory, StringComparison.Ordinal));

        container.Stop(TimeSpan.Zero);
        await container.Ended;

        await Machine.WaitForEndAsync(container.Id);
        Assert.DoesNotContain(MountTable.Read(), m => m.Path.StartsWith(worker.StateDirectory, StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(worker.StateDirectory, "containers")));
        await Machine.WaitForLoopsAsync(worker.StateDirectory);
    }

    [Fact]
    public async Task Start_AfterACrash_TakesTheOldDisksAway()
    {
        var state = Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
        var crashed = await TestWorker.StartAsync(SandboxKind.GVisor, state);
        var container = crashed.Run("Fill", start => start.Function.Resources.EphemeralDiskMib = 64);
        await IntegerAsync(container, 1);
        crashed.Crash();

        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, state);

        await Machine.WaitForEndAsync(container.Id);
        Assert.DoesNotContain(MountTable.Read(), m => m.Path.StartsWith(state, StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(state, "containers")));
        await Machine.WaitForLoopsAsync(state);
    }

    [Theory]
    [InlineData(256, 0, false)]
    [InlineData(64, 1024, true)]
    public async Task Allocate_UpToTheLimit_IsAboutTheLimitAndNotTheRequest(long requestMiB, long limitMiB, bool fits)
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("AllocateNative", start => (start.Function.Resources.MemoryMib, start.Function.Resources.MemoryLimitMib) = (requestMiB, limitMiB));

        // 640 MiB.
        var result = await container.CallAsync(TestContainer.Arguments(40));

        Assert.Equal(fits, result.Failure is null);
        if (!fits)
        {
            Assert.Equal(FailureKind.OutOfMemory, result.Failure!.Kind);
            Assert.Contains("256 MiB", result.Failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Fork_WithoutEnd_FailsInTheCodeAndTheNeighbourHardlyNotices()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var neighbour = worker.Run("Square");
        await neighbour.CallAsync(TestContainer.Arguments(2));
        var bomb = worker.Run("Fork", start => start.Function.Resources.MemoryMib = 4096);
        await bomb.ReadyAsync();
        var quiet = await MedianAsync(neighbour);

        var ended = bomb.ResultAsync(bomb.Dispatch(TestContainer.Arguments(100_000))[0]);
        var disturbed = await MedianAsync(neighbour, until: ended);

        var failure = (await ended).Failure;
        TestContext.Current.SendDiagnosticMessage("The neighbour's call took {0} ms before and {1} ms during the fork bomb, which ended with: {2}", quiet, disturbed, failure.Message);
        Assert.NotNull(failure);
        Assert.Equal(FailureKind.UserException, failure.Kind);
        Assert.Contains("Resource temporarily unavailable", failure.Exception.Message, StringComparison.Ordinal);

        // On a machine with two cores they share them: a call of a few milliseconds may wait for its turn, but not for the end of the bomb.
        Assert.InRange(disturbed, 0, 500);
        Assert.Equal(16, await IntegerAsync(neighbour, 4));
    }

    private static async Task<int> IntegerAsync(TestContainer container, int argument)
    {
        var result = await container.CallAsync(TestContainer.Arguments(argument));
        Assert.Null(result.Failure);
        return (int)new PayloadReader(result.Value.Inline.Span).ReadInt64();
    }

    private static async Task<double> MedianAsync(TestContainer container, Task? until = null)
    {
        var times = new List<double>();
        do
        {
            var start = Stopwatch.GetTimestamp();
            await container.CallAsync(TestContainer.Arguments(3));
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        while (times.Count < 20 || until?.IsCompleted == false);

        return times.Order().ElementAt(times.Count / 2);
    }
}
