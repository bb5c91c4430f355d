using Google.Protobuf;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Runners;

/// <summary>Containers in runners that were started ahead, in gVisor.</summary>
public sealed class RunnerPoolTests
{
    [Fact]
    public async Task Start_RunnerWaits_TakesItAndRunsTheCode()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 2);
        await WaitForRunnersAsync(worker, 1);

        var container = worker.Run("Square", Common);
        var ready = await container.ReadyAsync();
        var result = await container.CallAsync(TestContainer.Arguments(12));

        Assert.Equal(ContainerStart.Runner, ready.Start);
        Assert.Equal(["queued", "code", "runner", "load", "enter"], ready.Phases.Select(p => p.Name));
        Assert.Equal(144, new PayloadReader(result.Value.Inline.Span).ReadInt64());
    }

    [Fact]
    public async Task Start_RunnersTaken_AreReplacedByDemandAndSeeOnlyTheirOwnCode()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 2);
        await WaitForRunnersAsync(worker, 1);

        // The second waits for the one that takes the first one's place, or starts by itself; two were wanted at once.
        TestContainer[] first = [worker.Run("Read", Common), worker.Run("Read", Common)];
        await Task.WhenAll(first.Select(c => c.ReadyAsync()));
        await WaitForRunnersAsync(worker, 2);
        var other = worker.Run("Read", start =>
        {
            Common(start);
            start.Code.Files.Add(new CodeFile { Path = "deep/mine.txt", Digest = worker.Blobs.Add("mine"u8.ToArray()), SizeBytes = 4 });
        });

        Assert.Equal(ContainerStart.Runner, (await other.ReadyAsync()).Start);
        Assert.Equal("mine", await ReadAsync(other, "/modal/code/deep/mine.txt"));
        Assert.Equal("DirectoryNotFoundException", await ReadAsync(first[0], "/modal/code/deep/mine.txt"));
    }

    [Fact]
    public async Task Start_OtherMemory_IsNotServedByIt()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 1);
        await WaitForRunnersAsync(worker, 1);

        var ready = await worker.Run("Square").ReadyAsync();

        Assert.Equal(ContainerStart.Lazy, ready.Start);
    }

    [Fact]
    public async Task Start_WithSnapshot_TakesARunnerFirstAndTheSnapshotThen()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 1);
        await WaitForRunnersAsync(worker, 1);

        var first = await worker.Run("Frozen", Frozen).ReadyAsync();
        Assert.Contains("Stored the snapshot", await worker.Snapshots.NextAsync(), StringComparison.Ordinal);
        var second = await worker.Run("Frozen", Frozen).ReadyAsync();

        Assert.Equal((ContainerStart.Runner, ContainerStart.Snapshot), (first.Start, second.Start));
    }

    [Fact]
    public async Task Start_FromSnapshotAgain_IsRestoredIntoASandboxMadeAhead()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 2);
        await worker.Run("Frozen", Frozen).ReadyAsync();
        await worker.Snapshots.NextAsync();
        await worker.Run("Frozen", Frozen).ReadyAsync();
        await WaitForRunnersAsync(worker, 2);
        var given = worker.Runners.Given;

        var container = worker.Run("Frozen", Frozen);
        var ready = await container.ReadyAsync();
        var said = new PayloadReader((await container.CallAsync(TestContainer.Arguments(0))).Value.Inline.Span).ReadRequiredString().Split(' ');

        Assert.Equal((ContainerStart.Snapshot, ""), (ready.Start, ready.FallbackReason));
        Assert.Equal((given + 1, container.Id), (worker.Runners.Given, said[4]));
    }

    [Fact]
    public async Task Tick_RunnerDied_StartsAnother()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, waitingRunners: 1);
        await WaitForRunnersAsync(worker, 1);
        (await worker.Runners.TryTakeAsync(new Worker.Runners.RunnerKind("", NeedsAspNetCore: false, 1024), TestContext.Current.CancellationToken))!.Sandbox.Kill();

        await WaitForRunnersAsync(worker, 1);

        Assert.Equal(ContainerStart.Runner, (await worker.Run("Square", Common).ReadyAsync()).Start);
    }

    [Fact]
    public async Task Start_NoneWaitsButOneIsInASnapshot_IsRestoredWithoutCodeAndLoadsIt()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var first = await worker.Run("Square", Common).ReadyAsync();
        Assert.Contains("Stored the snapshot", await worker.Snapshots.NextAsync("the runner"), StringComparison.Ordinal);

        var second = worker.Run("Square", Common);
        var other = worker.Run("Read", Common);
        var ready = await second.ReadyAsync();
        var result = await second.CallAsync(TestContainer.Arguments(12));

        Assert.Equal(ContainerStart.Lazy, first.Start);
        Assert.Equal(ContainerStart.RunnerSnapshot, ready.Start);
        Assert.Equal(["queued", "code", "restore", "load", "enter"], ready.Phases.Select(p => p.Name));
        Assert.Equal(144, new PayloadReader(result.Value.Inline.Span).ReadInt64());
        Assert.Equal(ContainerStart.RunnerSnapshot, (await other.ReadyAsync()).Start);
        Assert.Equal(0, worker.Runners.Waiting);
    }

    private static void Common(StartContainer start) => start.Function.Resources = new Resources();

    private static void Frozen(StartContainer start)
    {
        Common(start);
        start.Function.IsService = true;
        start.Function.MemorySnapshot = true;
        start.Function.Methods[0] = "Test.Frozen.Describe";
        start.Function.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(TestContainer.Arguments(1)) };
    }

    private static async Task<string> ReadAsync(TestContainer container, string path) =>
        new PayloadReader((await container.CallAsync(TestContainer.Arguments(path))).Value.Inline.Span).ReadRequiredString();

    // They come by themselves, with the worker's ticks.
    private static async Task WaitForRunnersAsync(TestWorker worker, int count)
    {
        for (var left = 200; worker.Runners.Waiting < count; left--)
        {
            Assert.True(left > 0, $"Waited 20 s for {count} runners; there are {worker.Runners.Waiting}.");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
