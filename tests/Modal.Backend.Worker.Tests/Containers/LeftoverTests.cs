using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tests.Harness;
using Xunit;

namespace Modal.Backend.Worker.Tests.Containers;

/// <summary>What a worker finds when the one before it was killed.</summary>
public sealed class LeftoverTests
{
    [Fact]
    public async Task Start_AfterACrash_EndsAndRemovesTheOldSandboxes()
    {
        var state = Directory.CreateTempSubdirectory("modal-worker-test-").FullName;
        var crashed = await TestWorker.StartAsync(SandboxKind.GVisor, state);
        var container = crashed.Run("Sleep");
        await container.ReadyAsync();
        container.Dispatch(TestContainer.Arguments(600_000));

        // The channel stays open in this process, so nothing but the next worker can end the sandbox.
        crashed.Crash();
        Assert.NotEmpty(Machine.ProcessesOf(container.Id));

        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor, state);

        await Machine.WaitForEndAsync(container.Id);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(state, "containers")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(state, "runsc")));
        Assert.Equal(4, (await worker.Run("Sleep").CallAsync(TestContainer.Arguments(4))).Value.Inline[0]);
    }

    [Fact]
    public async Task Crash_OfTheWorker_EndsTheRunnerByItself()
    {
        await using var worker = await TestWorker.StartAsync(SandboxKind.GVisor);
        var events = new SilentEvents();
        var spec = new SandboxSpec(Protocol.Id.New(Protocol.Id.Container), worker.StateDirectory, 1, 256, NeedsAspNetCore: false);
        var sandbox = await worker.Factory.StartAsync(spec, events, TestContext.Current.CancellationToken);
        await events.Hello.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        ((SandboxProcess)sandbox).CloseChannel();

        var exit = await sandbox.Exited.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(1, exit.ExitCode);
    }

    private sealed class SilentEvents : ISandboxEvents
    {
        public TaskCompletionSource Hello { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnOutput(Protocol.OutputSource source, ReadOnlySpan<byte> bytes)
        {
            // Nothing is expected.
        }

        public void OnFrame(Protocol.RunnerFrame frame) => Hello.TrySetResult();
    }
}
