using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>Inputs that go to the runner as one call.</summary>
public sealed class BatchTests
{
    [Theory, MemberData(nameof(ContainerTests.Kinds), MemberType = typeof(ContainerTests))]
    public async Task Dispatch_BatchInSeveralMessages_IsOneCallWhoseOutputBelongsToNoInput(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = Run(worker);
        await container.ReadyAsync();
        var blob = new Payload { Format = PayloadFormat.Messagepack, BlobDigest = worker.Blobs.Add(TestContainer.Arguments(2)) };

        var indexes = container.DispatchBatch(1, Wait(1), blob, Wait(3));

        foreach (var index in indexes)
        {
            Assert.Equal(3, await ValueAsync(container, index));
        }

        Assert.Equal("batch\n", container.Output(OutputSource.Stdout));
        Assert.All(container.Messages.Where(m => m.Output is not null), m => Assert.Null(m.Output.Input));
    }

    [Fact]
    public async Task Dispatch_OneInputOfABatchCannotBeFetched_FailsAloneAndTheOthersRun()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = Run(worker);
        await container.ReadyAsync();

        var indexes = container.DispatchBatch(1, Wait(1), new Payload { Format = PayloadFormat.Messagepack, BlobDigest = new string('a', 64) }, Wait(1));

        Assert.Equal(2, await ValueAsync(container, indexes[0]));
        Assert.Equal(FailureKind.Internal, (await container.ResultAsync(indexes[1])).Failure.Kind);
        Assert.Equal(2, await ValueAsync(container, indexes[2]));
    }

    [Fact]
    public async Task Cancel_PartOfABatch_LeavesTheRestRunningPastTheGraceTime()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = Run(worker);
        await container.ReadyAsync();
        var indexes = container.DispatchBatch(1, Wait(2_500), Wait(1));
        await container.WaitForAsync("output", m => m.Output is not null);

        container.Cancel(indexes[1]);

        Assert.Equal(2, await ValueAsync(container, indexes[0]));
    }

    [Fact]
    public async Task Cancel_AllOfABatch_CancelsItsCode()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = Run(worker);
        await container.ReadyAsync();
        var indexes = container.DispatchBatch(1, Wait(60_000), Wait(1));
        await container.WaitForAsync("output", m => m.Output is not null);

        container.Cancel(indexes[0]);
        container.Cancel(indexes[1]);

        Assert.Equal(FailureKind.Cancelled, (await container.ResultAsync(indexes[0])).Failure.Kind);
        Assert.Equal(FailureKind.Cancelled, (await container.ResultAsync(indexes[1])).Failure.Kind);
        Assert.Equal(1, await ValueAsync(container, container.DispatchBatch(2, Wait(1))[0]));
    }

    [Fact]
    public async Task Tick_BatchOverItsTimeout_TimesOutForAll()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = Run(worker, timeoutMs: 1_000);
        await container.ReadyAsync();

        var indexes = container.DispatchBatch(1, Wait(60_000), Wait(1));

        Assert.Equal(FailureKind.Timeout, (await container.ResultAsync(indexes[0])).Failure.Kind);
        Assert.Equal(FailureKind.Timeout, (await container.ResultAsync(indexes[1])).Failure.Kind);
    }

    private static TestContainer Run(TestWorker worker, long timeoutMs = 60_000) => worker.Run("Batch", start =>
    {
        start.Function.BatchMaxSize = 10;
        start.Function.TimeoutMs = timeoutMs;
    });

    private static Payload Wait(int milliseconds) => TestContainer.Inline(TestContainer.Arguments(milliseconds));

    private static async Task<long> ValueAsync(TestContainer container, ulong index)
    {
        var result = await container.ResultAsync(index);
        Assert.True(result.Value is not null, result.ToString());
        return new PayloadReader(result.Value.Inline.Span).ReadInt64();
    }
}
