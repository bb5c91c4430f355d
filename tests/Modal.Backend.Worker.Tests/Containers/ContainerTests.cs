using Google.Protobuf;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Modal.Serialization;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What a container does with inputs, in gVisor and in plain processes.</summary>
public sealed class ContainerTests
{
    public static TheoryData<SandboxKind> Kinds => [SandboxKind.GVisor, SandboxKind.Process];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Dispatch_AHundredInputs_GivesEachItsResult(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Square");
        var ready = await container.ReadyAsync();

        var indexes = container.Dispatch(Enumerable.Range(0, 100).Select(i => TestContainer.Arguments(i)));

        for (var i = 0; i < indexes.Length; i++)
        {
            var value = (await container.ResultAsync(indexes[i])).Value;
            Assert.Equal((long)i * i, new PayloadReader(value.Inline.Span).ReadInt64());
        }

        Assert.Equal(["queued", "code", "sandbox", "runtime", "load", "enter"], ready.Phases.Select(p => p.Name));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Output_OfConsoleChildAndSystemCall_ComesBeforeTheResultAndNamesTheInput(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Print");
        await container.ReadyAsync();
        var index = container.Dispatch(TestContainer.Arguments("hello"))[0];
        await container.ResultAsync(index);

        var before = container.Messages.TakeWhile(m => m.Results is null).Where(m => m.Output is not null).Select(m => m.Output).ToList();
        var text = string.Concat(before.Where(o => o.Source == OutputSource.Stdout).Select(o => o.Data.ToStringUtf8()));
        Assert.Contains("console hello\n", text, StringComparison.Ordinal);
        Assert.Contains("child hello\n", text, StringComparison.Ordinal);
        Assert.Contains("native hello\n", text, StringComparison.Ordinal);
        Assert.Contains(before, o => o.Source == OutputSource.Stderr && o.Data.ToStringUtf8() == "error hello\n");
        Assert.All(before, o => Assert.Equal(index, o.Input.Index));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Dispatch_ArgumentsAndResultOfFiftyMegabytes_TravelAsBlobs(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Big");
        await container.ReadyAsync();
        const int Size = 50 * 1024 * 1024;

        var result = await container.CallAsync(TestContainer.Arguments(Size));

        Assert.Equal(Payload.ContentOneofCase.BlobDigest, result.Value.ContentCase);
        Assert.Equal(Size, new PayloadReader(worker.Blobs.Get(result.Value.BlobDigest)).ReadBytes().Length);
        var argument = worker.Blobs.Add(TestContainer.Arguments(7));
        var index = container.DispatchPayloads([new Payload { Format = PayloadFormat.Messagepack, BlobDigest = argument }])[0];
        Assert.Equal(7, new PayloadReader((await container.ResultAsync(index)).Value.Inline.Span).ReadBytes().Length);
    }

    [Fact]
    public async Task Stream_ThreeThousandElements_ArriveInOrderBeforeDone()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Stream");

        var done = await container.CallAsync(TestContainer.Arguments(3000));

        var yields = container.Messages.Where(m => m.Results is not null).SelectMany(m => m.Results.Results).TakeWhile(r => !r.Done).ToList();
        Assert.True(done.Done);
        Assert.Equal(Enumerable.Range(0, 3000).Select(i => (ulong)i), yields.Select(y => y.YieldIndex));
        Assert.Equal(Enumerable.Range(0, 3000).Select(i => (long)i), yields.Select(y => new PayloadReader(y.Yield.Inline.Span).ReadInt64()));
    }

    [Fact]
    public async Task Service_ConstructorEnterAndExit_RunAroundTheInputs()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Counter", start =>
        {
            start.Function.IsService = true;
            start.Function.Methods[0] = "Test.Counter.Add";
            start.Function.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(TestContainer.Arguments(5)) };
        });

        var result = await container.CallAsync(TestContainer.Arguments(0));
        container.Stop(TimeSpan.FromSeconds(5));
        var exited = await container.ExitedAsync();

        Assert.Equal(106, new PayloadReader(result.Value.Inline.Span).ReadInt64());
        Assert.Equal(ExitReason.Stopped, exited.Reason);
        Assert.Contains("bye\n", container.Output(OutputSource.Stdout), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_EnterThrows_IsAStartupFailureWithTheException()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Counter", start =>
        {
            start.Function.IsService = true;
            start.Function.Methods[0] = "Test.Counter.Add";
            start.Function.ServiceArguments = new Payload { Format = PayloadFormat.Messagepack, Inline = ByteString.CopyFrom(TestContainer.Arguments(-5)) };
        });

        var exited = await container.ExitedAsync();

        Assert.Equal((ExitReason.StartupFailed, FailureKind.Startup), (exited.Reason, exited.Failure.Kind));
        Assert.Equal("no entry", exited.Failure.Exception.Message);
        Assert.Contains("[Enter]", exited.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_FunctionThatIsNotRegistered_SaysWhatIs()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var exited = await worker.Run("Missing").ExitedAsync();

        Assert.Equal(ExitReason.StartupFailed, exited.Reason);
        Assert.Contains("registers no function Test.Missing", exited.Failure.Message, StringComparison.Ordinal);
        Assert.Contains("Test.Square", exited.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dispatch_BehindALongInput_AreReturnedSoon()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Sleep");
        container.Redispatches = false;
        await container.ReadyAsync();

        var indexes = container.Dispatch([TestContainer.Arguments(1500), TestContainer.Arguments(1), TestContainer.Arguments(2)]);
        var returned = await container.WaitForAsync("returned inputs", m => m.Returned is not null);

        Assert.Equal(indexes[1..], returned.Returned.Inputs.Select(i => i.Index));
        Assert.DoesNotContain(container.Messages, m => m.Results is not null);
        Assert.NotNull((await container.ResultAsync(indexes[0])).Value);
    }

    [Fact]
    public async Task Dispatch_FourAtOnceIntoFourSlots_RunTogether()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Sleep", start => start.Function.MaxConcurrentInputs = 4);
        await container.ReadyAsync();

        var clock = System.Diagnostics.Stopwatch.StartNew();
        var indexes = container.Dispatch(Enumerable.Repeat(TestContainer.Arguments(2000), 4));
        foreach (var index in indexes)
        {
            Assert.NotNull((await container.ResultAsync(index)).Value);
        }

        // One after the other would take 8 s.
        Assert.InRange(clock.Elapsed.TotalSeconds, 1.9, 7);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Print_HundredMegabytes_ArrivesWholeAndNeverRunsAhead(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("PrintMuch");
        await container.ReadyAsync();
        container.Acknowledges = false;
        var index = container.Dispatch(TestContainer.Arguments(50))[0];
        var held = 0L;
        await container.WaitForAsync("a full window", m => m.Output is not null && (held += m.Output.Data.Length) >= 512 * 1024);
        Assert.DoesNotContain(container.Messages, m => m.Results is not null);
        Assert.InRange(Sum(container), 512 * 1024, (1024 + 64) * 1024);

        container.AcknowledgeAll();
        await container.ResultAsync(index);

        Assert.Equal(100L * 1024 * 1024, Sum(container));
    }

    private static long Sum(TestContainer container) => container.Messages.Sum(m => (long)(m.Output?.Data.Length ?? 0));
}
