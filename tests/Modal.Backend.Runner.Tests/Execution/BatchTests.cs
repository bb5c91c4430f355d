using Modal.Backend.Runner.Execution;
using Modal.Backend.Runner.Tests.Harness;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.Runner.Tests.Execution;

/// <summary>Inputs that run as one call.</summary>
public sealed class BatchTests : IDisposable
{
    private readonly TestChannel _channel = new();

    private IEnumerable<RunnerResult> Outcomes => _channel.Results.Where(r => r.OutcomeCase != RunnerResult.OutcomeOneofCase.Started);

    public void Dispose() => _channel.Dispose();

    [Fact]
    public async Task Drain_OneBatch_IsCalledOnceAndGivesEachItsResult()
    {
        var calls = 0;
        var executor = new Executor(TestFunction.Of(c =>
        {
            calls++;
            c.CheckBatch("Test.F", 3);
            foreach (var arguments in c.Batch)
            {
                c.Write((byte)(arguments.Span[0] * 2));
                c.EndResult();
            }

            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);

        executor.Enqueue(TestFunction.Batch(7, 11, 1, 2, 3));
        executor.Drain();
        await _channel.WaitForResultsAsync(3);

        Assert.Equal([(11UL, 2), (12UL, 4), (13UL, 6)], Outcomes.Select(r => (r.Id, (int)r.Value[0])));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Drain_TwoBatchesInOneFrame_AreTwoCalls()
    {
        var sizes = new List<int>();
        var executor = new Executor(TestFunction.Of(c =>
        {
            sizes.Add(c.Batch.Count);
            foreach (var _ in c.Batch)
            {
                c.EndResult();
            }

            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);

        executor.Enqueue([.. TestFunction.Batch(1, 1, 1, 2), .. TestFunction.Batch(2, 3, 3)]);
        executor.Drain();
        await _channel.WaitForResultsAsync(3);

        Assert.Equal([2, 1], sizes);
    }

    [Fact]
    public async Task Drain_WrongNumberOfResults_FailsEveryInputWithTheReason()
    {
        var executor = new Executor(TestFunction.Of(c =>
        {
            c.CheckBatch("Test.F", 1);
            return ValueTask.CompletedTask;
        }), 1, _channel.Outgoing);

        executor.Enqueue(TestFunction.Batch(1, 1, 1, 2));
        executor.Drain();
        await _channel.WaitForResultsAsync(2);

        Assert.Equal([1UL, 2UL], Outcomes.Select(r => r.Id));
        Assert.All(Outcomes, r => Assert.Contains("was given 2 inputs and returned 1 result.", r.Failure.Message, StringComparison.Ordinal));
        Assert.All(Outcomes, r => Assert.Equal(FailureKind.UserException, r.Failure.Kind));
    }

    [Fact]
    public async Task Cancel_PartOfABatch_LetsItGoOnUntilAllAreCancelled()
    {
        var begun = new TaskCompletionSource<CancellationToken>(TaskCreationOptions.RunContinuationsAsynchronously);
        var executor = new Executor(TestFunction.Of(async c =>
        {
            begun.SetResult(c.CancellationToken);
            await Task.Delay(Timeout.Infinite, c.CancellationToken);
        }), 1, _channel.Outgoing);
        executor.Enqueue(TestFunction.Batch(1, 1, 1, 2));
        executor.Drain();
        var token = await begun.Task;

        executor.Cancel([1]);
        Assert.False(token.IsCancellationRequested);
        executor.Cancel([1, 2]);
        await _channel.WaitForResultsAsync(2);

        Assert.All(Outcomes, r => Assert.Equal(FailureKind.Cancelled, r.Failure.Kind));
    }

    [Fact]
    public async Task Cancel_BatchThatHasNotBegun_EndsAllOfIt()
    {
        var executor = new Executor(TestFunction.Of(_ => throw new InvalidOperationException("It must not run.")), 1, _channel.Outgoing);
        executor.Enqueue(TestFunction.Batch(1, 1, 1, 2));

        executor.Cancel([1, 2]);
        executor.Drain();
        await _channel.WaitForResultsAsync(2);

        Assert.All(Outcomes, r => Assert.Equal(FailureKind.Cancelled, r.Failure.Kind));
    }
}
