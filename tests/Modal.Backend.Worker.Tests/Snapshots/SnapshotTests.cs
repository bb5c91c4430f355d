using Google.Protobuf;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Snapshots;

/// <summary>Containers from snapshots of memory, in gVisor.</summary>
public sealed class SnapshotTests
{
    [Fact]
    public async Task Start_ServiceWithSnapshot_IsRestoredManyTimesAtOnceWithItsStateAndFreshRandomness()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var first = Run(worker);
        var cold = await first.ReadyAsync();
        Assert.StartsWith("Stored the snapshot", await worker.Snapshots.NextAsync(), StringComparison.Ordinal);

        var restored = Enumerable.Range(0, 4).Select(_ => Run(worker)).ToList();
        var ready = await Task.WhenAll(restored.Select(c => c.ReadyAsync()));
        var said = await Task.WhenAll(restored.Append(first).Select(DescribeAsync));

        Assert.Equal(ContainerStart.Lazy, cold.Start);
        Assert.Equal(["queued", "code", "sandbox", "runtime", "checkpoint", "load", "enter"], cold.Phases.Select(p => p.Name));
        Assert.All(ready, r => Assert.Equal((ContainerStart.Snapshot, ""), (r.Start, r.FallbackReason)));
        Assert.All(ready, r => Assert.Equal(["queued", "code", "snapshot", "restore", "enter"], r.Phases.Select(p => p.Name)));
        Assert.All(restored, c => Assert.Equal("refreshed\n", c.Output(OutputSource.Stdout)));
        Assert.All(said, s => Assert.Equal(said[0][..4], s[..4]));
        Assert.Equal(["20", "42", "ticking"], [said[0][0], .. said[0][2..4]]);
        Assert.Equal(restored.Append(first).Select(c => c.Id), said.Select(s => s[4]));

        // Random numbers of the thread that runs inputs, of the pool, of OpenSSL, and of the kernel.
        Assert.All([5, 6, 7, 8], place => Assert.Equal(said.Length, said.Select(s => s[place]).Distinct().Count()));
        Assert.All(said, s => Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - long.Parse(s[9], System.Globalization.CultureInfo.InvariantCulture), -1_000, 60_000));
    }

    [Fact]
    public async Task Start_OnAnotherWorkerWithOtherFiles_IsRestored()
    {
        var store = Directory.CreateTempSubdirectory("modal-store-test-").FullName;
        await using (var worker = await TestWorker.StartAsync(SandboxKind.GVisor, store: store))
        {
            await Run(worker).ReadyAsync();
            Assert.StartsWith("Stored the snapshot", await worker.Snapshots.NextAsync(), StringComparison.Ordinal);
        }

        await using var other = await TestWorker.StartAsync(SandboxKind.GVisor, store: store);
        var container = Run(other);
        var ready = await container.ReadyAsync();

        Assert.Equal((ContainerStart.Snapshot, ""), (ready.Start, ready.FallbackReason));
        Assert.Equal(["20", "42", "ticking"], [(await DescribeAsync(container))[0], .. (await DescribeAsync(container))[2..4]]);
        Directory.Delete(store, recursive: true);
    }

    [Fact]
    public async Task Start_DamagedChunk_FallsBackAndSaysWhy()
    {
        var store = Directory.CreateTempSubdirectory("modal-store-test-").FullName;
        await using (var worker = await TestWorker.StartAsync(SandboxKind.GVisor, store: store))
        {
            await Run(worker).ReadyAsync();
            Assert.StartsWith("Stored the snapshot", await worker.Snapshots.NextAsync(), StringComparison.Ordinal);
        }

        foreach (var pack in Directory.EnumerateFiles(Path.Combine(store, "pack"), "*", SearchOption.AllDirectories))
        {
            File.SetUnixFileMode(pack, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using var file = File.OpenWrite(pack);
            file.Position = file.Length / 2;
            file.Write(new byte[64 * 1024]);
        }

        await using var other = await TestWorker.StartAsync(SandboxKind.GVisor, store: store);
        var container = Run(other);
        var ready = await container.ReadyAsync();

        Assert.Equal(ContainerStart.Lazy, ready.Start);
        Assert.Contains("has other bytes than it should", ready.FallbackReason, StringComparison.Ordinal);
        Assert.Equal("20", (await DescribeAsync(container))[0]);

        // Its own takes the place of the damaged one.
        Assert.Contains("thrown away", await other.Snapshots.NextAsync(), StringComparison.Ordinal);
        Assert.StartsWith("Stored the snapshot", await other.Snapshots.NextAsync(), StringComparison.Ordinal);
        Assert.Equal(ContainerStart.Snapshot, (await Run(other).ReadyAsync()).Start);
        Directory.Delete(store, recursive: true);
    }

    [Fact]
    public async Task Start_LocalFilesThatCannotBeRestored_FallsBackAndTakesAnother()
    {
        var state = Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, state);
        await Run(worker).ReadyAsync();
        await worker.Snapshots.NextAsync();

        // Not what the hashes say, but this process has compared them already: as a restore that fails for reasons of its own.
        foreach (var image in Directory.EnumerateFiles(Path.Combine(state, "snapshots"), "checkpoint.img", SearchOption.AllDirectories))
        {
            File.WriteAllBytes(image, new byte[1024]);
        }

        var second = Run(worker);
        var ready = await second.ReadyAsync();
        var rejected = await worker.Snapshots.NextAsync();
        var stored = await worker.Snapshots.NextAsync();
        var third = await Run(worker).ReadyAsync();

        Assert.Equal(ContainerStart.Lazy, ready.Start);
        Assert.Contains("could not be used, so the container was started without", ready.FallbackReason, StringComparison.Ordinal);
        Assert.Contains("could not be used", second.Output(OutputSource.System), StringComparison.Ordinal);
        Assert.Contains("thrown away", rejected, StringComparison.Ordinal);
        Assert.Contains("Stored the snapshot", stored, StringComparison.Ordinal);
        Assert.Equal(ContainerStart.Snapshot, third.Start);
    }

    [Fact]
    public async Task Start_AfterTheCodeChanged_DoesNotUseTheSnapshot()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        await Run(worker).ReadyAsync();
        await worker.Snapshots.NextAsync();

        var changed = await Run(worker, start => start.Code.Files.Add(new CodeFile { Path = "new.txt", Digest = worker.Blobs.Add([1]), SizeBytes = 1 })).ReadyAsync();
        var same = await Run(worker).ReadyAsync();

        Assert.Equal((ContainerStart.RunnerSnapshot, ""), (changed.Start, changed.FallbackReason));
        Assert.Equal(ContainerStart.Snapshot, same.Start);
    }

    private static TestContainer Run(TestWorker worker, Action<StartContainer>? change = null) => worker.Run("Frozen", start =>
    {
        start.Function.IsService = true;
        start.Function.MemorySnapshot = true;
        start.Function.Methods[0] = "Test.Frozen.Describe";
        start.Function.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(TestContainer.Arguments(20)) };
        change?.Invoke(start);
    });

    private static async Task<string[]> DescribeAsync(TestContainer container)
    {
        var result = await container.CallAsync(TestContainer.Arguments(0));
        return new PayloadReader(result.Value.Inline.Span).ReadRequiredString().Split(' ');
    }
}
