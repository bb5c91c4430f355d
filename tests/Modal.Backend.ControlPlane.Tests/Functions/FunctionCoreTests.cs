using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

public sealed class FunctionCoreTests : IFunctionActions
{
    private readonly List<CallResult> _delivered = [];
    private readonly List<(string Container, Attempt Attempt)> _dispatched = [];
    private readonly List<string> _requested = [];
    private readonly List<string> _stopped = [];
    private readonly List<InputRef> _cancelled = [];
    private int _ids;

    [Fact]
    public void OnResults_UserExceptionWithRetries_RunsAgainAfterTheDelayThenFails()
    {
        var core = Ready(new FunctionSettings { Retries = 1 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);

        core.OnResults("ta-1", [Failed(_dispatched[0].Attempt, FailureKind.UserException)], 10);
        Assert.Single(_dispatched);
        core.Wake(1_010);
        Assert.Equal(2, _dispatched.Count);
        core.OnResults("ta-1", [Failed(_dispatched[1].Attempt, FailureKind.UserException)], 1_020);

        Assert.Equal(FailureKind.UserException, Assert.Single(_delivered).Failure.Kind);
    }

    [Fact]
    public void OnResults_OfAnAttemptGivenUpWhereTheSameInputRunsAgain_FreesItsPlace()
    {
        var core = Ready(new FunctionSettings { Concurrency = 2, MaxContainers = 1 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);
        core.CloseStream("fc-1", 10);
        core.OpenStream("fc-1", 0, 20);
        core.AddInputs("fc-1", Inputs(1, 1), 20);

        core.OnResults("ta-1", [Failed(_dispatched[0].Attempt, FailureKind.Cancelled)], 30);
        core.OnResults("ta-1", [Value(_dispatched[1].Attempt)], 40);

        Assert.Equal(CallResult.OutcomeOneofCase.Value, Assert.Single(_delivered).OutcomeCase);
        Assert.Equal(0, core.FindContainer("ta-1")!.Inputs.Count);
    }

    [Fact]
    public void OnExited_LostOverAndOver_GivesUpWithTheReason()
    {
        var core = Ready(new FunctionSettings());
        core.AddInputs("fc-1", Inputs(1, 1), 0);

        for (var i = 1; _delivered.Count == 0 && i < 20; i++)
        {
            core.OnExited($"ta-{i}", ExitReason.Lost, new Failure { Kind = FailureKind.Lost, Message = "killed from outside" }, i * 10_000);
            core.Wake((i * 10_000) + 5_000);
            Start(core, $"ta-{i + 1}", (i * 10_000) + 5_000);
        }

        var failure = Assert.Single(_delivered).Failure;
        Assert.Equal(FailureKind.Lost, failure.Kind);
        Assert.Contains("killed from outside", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OnExited_StartupFailureWithException_ReachesTheCallerAtOnce()
    {
        var core = Opened(new FunctionSettings());
        core.AddInputs("fc-1", Inputs(1, 3), 0);
        core.OnPlaced("ta-1", "wk-1", 0);

        core.OnExited("ta-1", ExitReason.StartupFailed, new Failure { Kind = FailureKind.Startup, Message = "no model", Exception = new RemoteExceptionInfo { Type = "X" } }, 10);

        Assert.Equal(3, _delivered.Count(r => r.Failure.Kind == FailureKind.Startup));
    }

    [Fact]
    public void AddInputs_TwoCalls_AreServedInTurn()
    {
        var core = Ready(new FunctionSettings());
        core.AddInputs("fc-1", [.. Inputs(1, 10), .. Inputs(2, 10)], 0);

        for (var i = 0; i < 6; i++)
        {
            core.OnResults("ta-1", [Value(_dispatched[i].Attempt, runUs: 60_000_000)], i);
        }

        Assert.Equal([1UL, 2, 1, 2, 1, 2], _dispatched.Take(6).Select(d => d.Attempt.Input.Call));
        Assert.Equal([0UL, 0, 1, 1, 2, 2], _dispatched.Take(6).Select(d => d.Attempt.Input.Index));
    }

    [Fact]
    public void OnExited_Ambiguous_TheGuiltyRunsAlone()
    {
        var core = Ready(new FunctionSettings { Concurrency = 3 });
        core.AddInputs("fc-1", Inputs(1, 3), 0);
        Assert.Equal(3, _dispatched.Count);

        core.OnExited("ta-1", ExitReason.Ambiguous, new Failure { Kind = FailureKind.Crashed }, 10);
        core.Wake(20);
        _dispatched.Clear();
        Start(core, "ta-2", 20);

        Assert.Single(_dispatched);
    }

    [Fact]
    public void OnResults_YieldsOfASecondAttempt_AreNotDeliveredAgain()
    {
        var core = Ready(new FunctionSettings());
        core.AddInputs("fc-1", Inputs(1, 1), 0);
        var first = _dispatched[0].Attempt;
        core.OnResults("ta-1", [Yield(first, 0), Yield(first, 1)], 1);
        core.OnExited("ta-1", ExitReason.Lost, null, 2);
        core.Wake(3);
        Start(core, "ta-2", 3);
        var second = _dispatched[1].Attempt;

        core.OnResults("ta-2", [Yield(second, 0), Yield(second, 1), Yield(second, 2), Done(second)], 4);

        Assert.Equal([0UL, 1, 2], _delivered.Where(r => r.Yield is not null).Select(r => r.YieldIndex));
        Assert.True(_delivered[^1].Done);
    }

    [Fact]
    public void Wake_IdleForTheWindow_StopsTheContainer()
    {
        var core = Ready(new FunctionSettings { ScaledownWindowMs = 60_000 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);
        core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 1_000);

        core.Wake(60_999);
        Assert.Empty(_stopped);
        Assert.Equal(61_000, core.NextWake(60_999));
        core.Wake(61_000);

        Assert.Equal(["ta-1"], _stopped);
    }

    [Fact]
    public void CancelInputs_QueuedAndRunning_AreCancelledAtOnce()
    {
        var core = Ready(new FunctionSettings());
        core.AddInputs("fc-1", Inputs(1, 2), 0);

        core.CancelInputs("fc-1", 1, [], 1);

        Assert.Equal(2, _delivered.Count(r => r.Failure.Kind == FailureKind.Cancelled));
        Assert.Equal(0UL, Assert.Single(_cancelled).Index);
        core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 2);
        Assert.Equal(2, _delivered.Count);
    }

    [Theory]
    [InlineData(1, 1_000)]
    [InlineData(2, 2_000)]
    [InlineData(3, 4_000)]
    [InlineData(4, 5_000)]
    [InlineData(10, 5_000)]
    public void RetryDelayMs_Backoff_GrowsToTheMaximum(int retry, long expected) =>
        Assert.Equal(expected, new FunctionSettings { RetryBackoff = 2, RetryMaxDelayMs = 5_000 }.RetryDelayMs(retry));

    [Fact]
    public void From_NothingSet_HasTheDocumentedDefaults()
    {
        var settings = FunctionSettings.From(new FunctionSpec());

        Assert.Equal(new FunctionSettings(), settings);
        Assert.Equal((1, 1, 0, 10, 0, 60_000L), (settings.Concurrency, settings.TargetConcurrency, settings.MinContainers, settings.MaxContainers, settings.BufferContainers, settings.ScaledownWindowMs));
        Assert.Equal((0, 1.0, 1_000L, 60_000L), (settings.Retries, settings.RetryBackoff, settings.RetryInitialDelayMs, settings.RetryMaxDelayMs));
        Assert.False(settings.IsBatched || settings.IsSingleUse);
    }

    [Theory]
    [InlineData(FailureKind.UserException)]
    [InlineData(FailureKind.Timeout)]
    [InlineData(FailureKind.Exited)]
    [InlineData(FailureKind.Crashed)]
    [InlineData(FailureKind.StackOverflow)]
    [InlineData(FailureKind.OutOfMemory)]
    public void OnResults_FailureOfUserCode_IsRetriedWithGrowingDelays(FailureKind kind)
    {
        var core = Ready(new FunctionSettings { Retries = 2, RetryBackoff = 3, RetryInitialDelayMs = 100 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);

        core.OnResults("ta-1", [Failed(_dispatched[0].Attempt, kind)], 0);
        Assert.Equal(100, core.NextWake(0));
        core.Wake(100);
        core.OnResults("ta-1", [Failed(_dispatched[1].Attempt, kind)], 100);
        Assert.Equal(400, core.NextWake(100));
        core.Wake(400);
        core.OnResults("ta-1", [Failed(_dispatched[2].Attempt, kind)], 400);

        var result = Assert.Single(_delivered);
        Assert.Equal(kind, result.Failure.Kind);
        Assert.Equal(3, result.Attempt);
    }

    [Theory]
    [InlineData(FailureKind.Cancelled)]
    [InlineData(FailureKind.Serialization)]
    [InlineData(FailureKind.Internal)]
    public void OnResults_OtherFailures_AreNotRetried(FailureKind kind)
    {
        var core = Ready(new FunctionSettings { Retries = 3 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);

        core.OnResults("ta-1", [Failed(_dispatched[0].Attempt, kind)], 1);

        Assert.Equal(kind, Assert.Single(_delivered).Failure.Kind);
    }

    [Fact]
    public void OnExited_Lost_RunsAgainAtOnceAndSpendsNoRetry()
    {
        var core = Ready(new FunctionSettings { Retries = 1 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);

        core.OnExited("ta-1", ExitReason.Lost, null, 10);
        Start(core, "ta-2", 10);
        Assert.Equal(2, _dispatched.Count);
        core.OnResults("ta-2", [Failed(_dispatched[1].Attempt, FailureKind.UserException)], 20);
        core.Wake(1_020);

        Assert.Equal(3, _dispatched.Count);
        Assert.Empty(_delivered);
    }

    [Fact]
    public void CancelInputs_WaitingForItsRetry_IsNotRunAgain()
    {
        var core = Ready(new FunctionSettings { Retries = 1 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);
        core.OnResults("ta-1", [Failed(_dispatched[0].Attempt, FailureKind.UserException)], 0);

        core.CancelInputs("fc-1", 1, [], 500);
        core.Wake(5_000);

        Assert.Single(_dispatched);
        Assert.Equal(FailureKind.Cancelled, Assert.Single(_delivered).Failure.Kind);
        Assert.Equal(0, core.Queued);
    }

    [Fact]
    public void OnExited_ThirdStartFailureInARow_FailsWhoeverWaitsWithTheCause()
    {
        var core = Opened(new FunctionSettings());
        core.AddInputs("fc-1", Inputs(1, 2), 0);
        for (var i = 1; i <= 3; i++)
        {
            Assert.Empty(_delivered);
            core.OnPlaced($"ta-{i}", "wk-1", i * 10_000);
            core.OnExited($"ta-{i}", ExitReason.StartupFailed, new Failure { Kind = FailureKind.Startup, Message = "The container of 'Jobs.F' could not start: no such image." }, i * 10_000);
            core.Wake((i * 10_000) + 5_000);
        }

        Assert.All(_delivered, r => Assert.Equal("The container of 'Jobs.F' could not start: no such image.", r.Failure.Message));
        Assert.Equal(2, _delivered.Count);
    }

    [Fact]
    public void AddInputs_Batched_GoesAsOneBatchWhenItIsFull()
    {
        var core = Ready(new FunctionSettings { BatchSize = 3, BatchWaitMs = 1_000 });

        core.AddInputs("fc-1", Inputs(1, 2), 0);
        Assert.Empty(_dispatched);
        core.AddInputs("fc-1", Inputs(2, 2), 400);

        Assert.Equal(3, _dispatched.Count);
        Assert.All(_dispatched, d => Assert.Equal((1UL, 3), (d.Attempt.Batch, d.Attempt.BatchSize)));
    }

    [Fact]
    public void Wake_BatchedAndFirstHasWaitedLongEnough_GoesAsItIs()
    {
        var core = Ready(new FunctionSettings { BatchSize = 100, BatchWaitMs = 1_000 });
        core.AddInputs("fc-1", Inputs(1, 1), 0);
        core.AddInputs("fc-1", Inputs(2, 1), 900);

        Assert.Equal(1_000, core.NextWake(900));
        core.Wake(999);
        Assert.Empty(_dispatched);
        core.Wake(1_000);

        Assert.Equal([2, 2], _dispatched.Select(d => d.Attempt.BatchSize));
    }

    [Fact]
    public void OnResults_BatchFailed_EachInputIsRetriedByItself()
    {
        var core = Ready(new FunctionSettings { BatchSize = 2, BatchWaitMs = 5_000, Retries = 1 });
        core.AddInputs("fc-1", Inputs(1, 2), 0);
        core.OnResults("ta-1", [.. _dispatched.Select(d => Failed(d.Attempt, FailureKind.UserException))], 10);

        core.Wake(1_010);

        // They have waited already.
        Assert.Equal([1, 1, 2, 2], _dispatched.Select(d => d.Attempt.Attempt_));
        Assert.Equal([1UL, 1, 2, 2], _dispatched.Select(d => d.Attempt.Batch));
        Assert.Empty(_delivered);
    }

    [Fact]
    public void OnResults_Batched_TheNextBatchComesWhenTheContainerIsEmpty()
    {
        var core = Ready(new FunctionSettings { BatchSize = 2 });
        core.AddInputs("fc-1", Inputs(1, 5), 0);
        Assert.Equal(2, _dispatched.Count);

        core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 1);
        Assert.Equal(2, _dispatched.Count);
        core.OnResults("ta-1", [Value(_dispatched[1].Attempt)], 2);

        Assert.Equal([2, 2, 2, 2], _dispatched.Select(d => d.Attempt.BatchSize));
    }

    [Fact]
    public void OnResults_SingleUse_TheContainerIsStoppedAndTakesNothingMore()
    {
        var core = Ready(new FunctionSettings { IsSingleUse = true });
        core.AddInputs("fc-1", Inputs(1, 2), 0);

        core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 10);

        Assert.Single(_dispatched);
        Assert.Equal(["ta-1"], _stopped);
        core.OnExited("ta-1", ExitReason.Stopped, null, 20);
        Start(core, "ta-2", 30);
        Assert.Equal(["ta-1", "ta-2"], _dispatched.Select(d => d.Container));
    }

    void IFunctionActions.Deliver(string streamId, CallResults results) => _delivered.AddRange(results.Results);

    void IFunctionActions.Dispatch(ContainerState container, DispatchInputs inputs) => _dispatched.AddRange(inputs.Attempts.Select(a => (container.Id, a)));

    void IFunctionActions.CancelAttempts(ContainerState container, CancelAttempts cancel) => _cancelled.AddRange(cancel.Inputs);

    void IFunctionActions.RequestContainer(ContainerState container) => _requested.Add(container.Id);

    void IFunctionActions.WithdrawRequest(ContainerState container) => _requested.Remove(container.Id);

    void IFunctionActions.StopContainer(ContainerState container, TimeSpan grace, string reason) => _stopped.Add(container.Id);

    void IFunctionActions.Released(ContainerState container)
    {
        // Only the pool would care.
    }

    private FunctionCore Opened(FunctionSettings settings)
    {
        var core = new FunctionCore(settings with { MaxContainers = 1 }, this, () => $"ta-{++_ids}");
        core.OpenStream("fc-1", 0, 0);
        return core;
    }

    private FunctionCore Ready(FunctionSettings settings)
    {
        var core = Opened(settings with { MinContainers = 1 });
        core.Configure(settings with { MaxContainers = 1, MinContainers = 1 }, 0);
        Start(core, "ta-1", 0);
        core.Configure(settings with { MaxContainers = 1 }, 0);
        return core;
    }

    private static void Start(FunctionCore core, string id, long now)
    {
        core.OnPlaced(id, "wk-1", now);
        core.OnReady(id, [], now);
    }

    private static List<Input> Inputs(ulong call, int count) => [.. Enumerable.Range(0, count).Select(i => new Input { Call = call, Index = (ulong)i })];

    private static AttemptResult Value(Attempt attempt, long runUs = 100) => new() { Input = attempt.Input, Attempt = attempt.Attempt_, RunUs = runUs, Value = new Payload() };

    private static AttemptResult Yield(Attempt attempt, ulong index) => new() { Input = attempt.Input, Attempt = attempt.Attempt_, Yield = new Payload(), YieldIndex = index };

    private static AttemptResult Done(Attempt attempt) => new() { Input = attempt.Input, Attempt = attempt.Attempt_, Done = true };

    private static AttemptResult Failed(Attempt attempt, FailureKind kind) => new() { Input = attempt.Input, Attempt = attempt.Attempt_, Failure = new Failure { Kind = kind, Message = "x" } };
}
