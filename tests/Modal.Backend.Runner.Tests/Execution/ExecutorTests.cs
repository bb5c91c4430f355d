using Modal.Backend.Runner.Execution;
using Modal.Backend.Runner.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Runner.Tests.Execution;

public sealed class ExecutorTests : IDisposable
{
    private readonly TestChannel _channel = new();

    [Fact]
    public async Task Drain_InputsOfOneSlot_RunInOrderOnTheCallingThread()
    {
        var threads = new List<int>();
        var executor = new Executor(TestFunction.Of(c =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            c.Write((byte)(c.Arguments.Span[0] * 2));
            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);

        executor.Enqueue([TestFunction.Input(1, 1), TestFunction.Input(2, 2), TestFunction.Input(3, 3)]);
        var caller = Environment.CurrentManagedThreadId;
        executor.Drain();
        await _channel.WaitForResultsAsync(3);

        Assert.Equal([2, 4, 6], _channel.Results.Where(r => !r.Started).Select(r => (int)r.Value[0]));
        Assert.All(threads, t => Assert.Equal(caller, t));
    }

    [Fact]
    public async Task Drain_CodeThatAwaits_LeavesTheThreadAndGoesOnLater()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var executor = new Executor(TestFunction.Of(async c => await gate.Task), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1), TestFunction.Input(2)]);

        executor.Drain();

        Assert.True(executor.IsBusy);
        gate.SetResult();
        await _channel.WaitForResultsAsync(2);
        Assert.Equal([1, 2], _channel.Results.Where(r => r.Done).Select(r => (int)r.Id));
    }

    [Fact]
    public async Task Drain_AsyncLocalOfOneInput_IsNotSeenByTheNext()
    {
        var local = new AsyncLocal<string?>();
        var seen = new List<string?>();
        var executor = new Executor(TestFunction.Of(c =>
        {
            seen.Add(local.Value);
            local.Value = "left behind";
            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1), TestFunction.Input(2)]);

        executor.Drain();
        await _channel.WaitForResultsAsync(2);

        Assert.Equal([null, null], seen);
        Assert.Null(local.Value);
    }

    [Fact]
    public async Task Enqueue_ManySlots_RunAtOnceEvenIfTheyBlock()
    {
        using var all = new Barrier(4);
        var executor = new Executor(TestFunction.Of(c =>
        {
            Assert.True(all.SignalAndWait(TimeSpan.FromSeconds(15)));
            return ValueTask.CompletedTask;
        }), 4, _channel.Outgoing);

        executor.Enqueue([.. Enumerable.Range(1, 4).Select(i => TestFunction.Input((ulong)i))]);
        await _channel.WaitForResultsAsync(4);

        Assert.All(_channel.Results.Where(r => !r.Started), r => Assert.True(r.Done, r.ToString()));
    }

    [Fact]
    public async Task ReturnIfHeldLong_AfterTwentyMilliseconds_GivesBackWhatWaits()
    {
        var gate = new TaskCompletionSource();
        var executor = new Executor(TestFunction.Of(async c => await gate.Task), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1), TestFunction.Input(2), TestFunction.Input(3)]);
        executor.Drain();
        Assert.False(executor.ReturnIfHeldLong());

        SpinWait.SpinUntil(executor.ReturnIfHeldLong, TimeSpan.FromSeconds(5));
        await _channel.WaitForAsync("returned inputs", frames => frames.Any(f => f.Returned is not null));
        gate.SetResult();
        await _channel.WaitForResultsAsync(1);

        Assert.Equal([2, 3], _channel.Frames.Single(f => f.Returned is not null).Returned.Ids.Select(id => (int)id));
        Assert.Equal(1ul, Assert.Single(_channel.Results, r => !r.Started).Id);
    }

    [Fact]
    public async Task Cancel_WaitingAndRunning_EndsBoth()
    {
        var executor = new Executor(TestFunction.Of(async c => await Task.Delay(Timeout.Infinite, c.CancellationToken)), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1), TestFunction.Input(2)]);
        executor.Drain();

        executor.Cancel([1, 2]);
        await _channel.WaitForResultsAsync(2);

        Assert.All(_channel.Results.Where(r => !r.Started), r => Assert.Equal(FailureKind.Cancelled, r.Failure.Kind));
    }

    [Fact]
    public async Task Start_IsReportedBeforeTheResultAndNeverAfter()
    {
        var executor = new Executor(TestFunction.Of(c =>
        {
            if (c.Arguments.Span[0] == 1)
            {
                _channel.Outgoing.FlushNow();
            }

            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);

        executor.Enqueue([.. Enumerable.Range(0, 50).Select(i => TestFunction.Input((ulong)i + 1, (byte)(i % 2)))]);
        executor.Drain();
        await _channel.WaitForResultsAsync(50);

        foreach (var group in _channel.Results.GroupBy(r => r.Id))
        {
            Assert.False(group.Last().Started);
            Assert.True(group.Count() <= 2);
        }

        Assert.True(_channel.Results.Count(r => r.Started) >= 25);
    }

    [Fact]
    public async Task Stop_WhileOneRuns_ReturnsTheOthersAndWaitsForIt()
    {
        var gate = new TaskCompletionSource();
        var executor = new Executor(TestFunction.Of(async c => await gate.Task), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1), TestFunction.Input(2)]);
        executor.Drain();

        var stop = executor.StopAsync(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(1));
        Assert.False(stop.IsCompleted);
        executor.Enqueue([TestFunction.Input(3)]);
        gate.SetResult();
        await stop;
        await _channel.WaitForResultsAsync(1);

        Assert.Equal([2, 3], _channel.Frames.Where(f => f.Returned is not null).SelectMany(f => f.Returned.Ids).Select(id => (int)id));
    }

    [Fact]
    public async Task Yield_EachElement_IsNumberedAndDoneComesLast()
    {
        var executor = new Executor(TestFunction.Of(async c =>
        {
            for (byte i = 0; i < 5; i++)
            {
                c.Write(i);
                await c.YieldAsync();
            }
        }, streaming: true), 1, _channel.Outgoing);
        executor.Enqueue([TestFunction.Input(1)]);

        executor.Drain();
        await _channel.WaitForAsync("done", frames => frames.Any(f => f.Results?.Results.Any(r => r.Done) == true));

        var results = _channel.Results.Where(r => !r.Started).ToList();
        Assert.Equal([0, 1, 2, 3, 4], results.SkipLast(1).Select(r => (int)r.Yield[0]));
        Assert.Equal([0, 1, 2, 3, 4], results.SkipLast(1).Select(r => (int)r.YieldIndex));
        Assert.True(results[^1].Done);
    }

    public void Dispose() => _channel.Dispose();
}
