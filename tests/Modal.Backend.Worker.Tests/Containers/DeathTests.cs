using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What the server learns when code ends its container, in gVisor and in plain processes.</summary>
public sealed class DeathTests
{
    public static TheoryData<SandboxKind> Kinds => [SandboxKind.GVisor, SandboxKind.Process];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Throw_IsAFailureWithTypeLineAndInner_AndTheContainerLives(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Throw");

        var failure = (await container.CallAsync(TestContainer.Arguments("oops"))).Failure;

        Assert.Equal(FailureKind.UserException, failure.Kind);
        Assert.Equal(("System.InvalidOperationException", "oops"), (failure.Exception.Type, failure.Exception.Message));
        Assert.Contains("Functions.cs:line", failure.Exception.Stack, StringComparison.Ordinal);
        Assert.DoesNotContain("Modal.Backend.Runner.Execution", failure.Exception.Stack, StringComparison.Ordinal);
        Assert.Equal("System.FormatException", Assert.Single(failure.Exception.Inner).Type);
        Assert.Equal("again", (await container.CallAsync(TestContainer.Arguments("again"))).Failure.Exception.Message);
    }

    [Fact]
    public async Task Arguments_ThatDoNotFit_AreASerializationFailure()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);

        var failure = (await worker.Run("Square").CallAsync(TestContainer.Arguments("text"))).Failure;

        Assert.Equal(FailureKind.Serialization, failure.Kind);
        Assert.Contains("an integer was expected", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SandboxKind.GVisor, "Exit")]
    [InlineData(SandboxKind.GVisor, "NativeExit")]
    [InlineData(SandboxKind.Process, "Exit")]
    [InlineData(SandboxKind.Process, "NativeExit")]
    public async Task Exit_NamesTheCode(SandboxKind kind, string function)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run(function);

        var failure = (await container.CallAsync(TestContainer.Arguments(3))).Failure;

        Assert.Equal((FailureKind.Exited, 3), (failure.Kind, failure.ExitCode));
        Assert.Equal(ExitReason.UserCode, (await container.ExitedAsync()).Reason);
        if (function == "Exit")
        {
            Assert.Contains("leaving\n", container.Output(OutputSource.Stdout), StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task FailFast_IsACrashWithItsLastWords(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("FailFast");

        var failure = (await container.CallAsync(TestContainer.Arguments("on purpose"))).Failure;

        Assert.Equal((FailureKind.Crashed, 6), (failure.Kind, failure.ExitCode));
        Assert.Contains("on purpose", failure.StderrTail, StringComparison.Ordinal);
        Assert.Contains("last words\n", container.Output(OutputSource.Stdout), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Overflow_IsNamed(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);

        var failure = (await worker.Run("Overflow").CallAsync(TestContainer.Arguments(0))).Failure;

        Assert.Equal(FailureKind.StackOverflow, failure.Kind);
    }

    [Theory]
    [InlineData(SandboxKind.GVisor, "AllocateNative")]
    [InlineData(SandboxKind.GVisor, "AllocateManaged")]
    [InlineData(SandboxKind.Process, "AllocateNative")]
    [InlineData(SandboxKind.Process, "AllocateManaged")]
    public async Task Allocate_WithoutEnd_IsOutOfMemory(SandboxKind kind, string function)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run(function, start => start.Function.Resources.MemoryMib = 256);

        var failure = (await container.CallAsync(TestContainer.Arguments(10_000))).Failure;

        Assert.Equal(FailureKind.OutOfMemory, failure.Kind);
        Assert.Contains("MemoryMiB", failure.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Sleep_PastTheTimeout_IsKilledAndTheOthersGoBack(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("Sleep", start => start.Function.TimeoutMs = 1000);
        await container.ReadyAsync();

        var failure = (await container.ResultAsync(container.Dispatch(TestContainer.Arguments(600_000))[0])).Failure;

        Assert.Equal(FailureKind.Timeout, failure.Kind);
        Assert.Contains("1 s", failure.Message, StringComparison.Ordinal);
        Assert.Equal(ExitReason.UserCode, (await container.ExitedAsync()).Reason);
    }

    [Fact]
    public async Task Sleep_ThatObeysItsToken_TimesOutWithoutLosingTheContainer()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("SleepAsync", start => start.Function.TimeoutMs = 1000);

        Assert.Equal(FailureKind.Timeout, (await container.CallAsync(TestContainer.Arguments(600_000))).Failure.Kind);
        Assert.True((await container.CallAsync(TestContainer.Arguments(1))).Done);
    }

    [Fact]
    public async Task Cancel_OfARunningInput_EndsItWithoutLosingTheContainer()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("SleepAsync");
        await container.ReadyAsync();
        var index = container.Dispatch(TestContainer.Arguments(600_000))[0];
        await container.WaitForAsync("its output", m => m.Output is not null);

        container.Cancel(index);

        Assert.Equal(FailureKind.Cancelled, (await container.ResultAsync(index)).Failure.Kind);
        Assert.True((await container.CallAsync(TestContainer.Arguments(1))).Done);
    }

    [Fact]
    public async Task Cancel_OfCodeThatDoesNotListen_KillsItAfterTheGraceTime()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = worker.Run("Sleep");
        await container.ReadyAsync();
        var index = container.Dispatch(TestContainer.Arguments(600_000))[0];

        container.Cancel(index);

        Assert.Equal(FailureKind.Cancelled, (await container.ResultAsync(index)).Failure.Kind);
        Assert.Equal(ExitReason.UserCode, (await container.ExitedAsync()).Reason);
    }

    [Fact]
    public async Task Start_EnterTakesLongerThanTheStartupTimeout_IsKilledAndSaysSo()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.Process);
        var container = worker.Run("Counter", start =>
        {
            start.Function.IsService = true;
            start.Function.Methods[0] = "Test.Counter.Add";
            start.Function.ServiceArguments = TestContainer.Inline(TestContainer.Arguments(1_000_000));
            start.Function.StartupTimeoutMs = 1_500;
        });

        var exited = await container.ExitedAsync();

        Assert.Equal(ExitReason.StartupFailed, exited.Reason);
        Assert.Equal(FailureKind.Startup, exited.Failure.Kind);
        Assert.Contains("was not ready within 1.5 s. Raise StartupTimeoutSeconds", exited.Failure.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task KillFromOutside_IsNobodysFault(SandboxKind kind)
    {
        await using var worker = await TestWorker.StartAsync(kind);
        var container = worker.Run("SleepAsync");
        await container.ReadyAsync();
        container.Dispatch(TestContainer.Arguments(600_000));
        await container.WaitForAsync("its output", m => m.Output is not null);

        foreach (var pid in Machine.ProcessesOf(container.Id))
        {
            Machine.Kill(pid);
        }

        var exited = await container.ExitedAsync();
        Assert.Equal((ExitReason.Lost, FailureKind.Lost), (exited.Reason, exited.Failure.Kind));
        Assert.DoesNotContain(container.Messages, m => m.Results is not null);
    }

    [Fact]
    public async Task End_OfEveryContainer_LeavesNoProcessGroupOrFile()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var container = worker.Run("Square");
        await container.CallAsync(TestContainer.Arguments(2));
        Assert.NotEmpty(Machine.ProcessesOf(container.Id));

        container.Stop(TimeSpan.FromSeconds(5));
        await container.Ended;

        await Machine.WaitForEndAsync(container.Id);

        // Of this one: the worker takes a snapshot of a runner meanwhile, in sandboxes of its own.
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(worker.StateDirectory, "containers"), $"*{container.Id}*"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(worker.StateDirectory, "runsc"), $"*{container.Id}*"));
    }
}
