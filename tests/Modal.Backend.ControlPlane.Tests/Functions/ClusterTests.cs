using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

/// <summary>Containers that are started, given inputs and ended together.</summary>
public sealed class ClusterTests : IFunctionActions
{
    private readonly List<CallResult> _delivered = [];
    private readonly List<(string Container, Attempt Attempt)> _dispatched = [];
    private readonly List<ContainerState> _requested = [];
    private readonly List<string> _withdrawn = [];
    private readonly List<string> _released = [];
    private readonly List<(string Container, TimeSpan Grace)> _stopped = [];
    private readonly List<(string Container, InputRef Input)> _cancelled = [];
    private int _ids;

    [Fact]
    public void AddInputs_Cluster_IsAskedForAsOne()
    {
        Called(Settings(size: 3));

        Assert.Equal(3, _requested.Count);
        Assert.Equal([0, 1, 2], _requested.Select(c => c.Rank));
        Assert.Equal(("cl-1", 3), (Assert.Single(_requested.Select(c => c.Cluster!).Distinct()).Id, _requested[0].Cluster!.Size));
        Assert.Equal(3, _requested.Select(c => c.Id).Distinct().Count());
    }

    [Fact]
    public void OnReady_NotAllMembers_NothingIsDispatched()
    {
        var core = Called(Settings());
        Place(core, 0, 1);

        core.OnReady(Member(0), [], 10);
        Assert.Empty(_dispatched);
        core.OnReady(Member(1), [], 20);

        Assert.Equal([Member(0), Member(1)], _dispatched.Select(d => d.Container));
        Assert.Equal(_dispatched[0].Attempt, _dispatched[1].Attempt);
    }

    [Fact]
    public void OnResults_OfAllMembers_GivesTheResultOfRankZeroOnce()
    {
        var core = Running(Settings());

        core.OnResults(Member(0), [Value(0, 7)], 10);
        Assert.Empty(_delivered);
        core.OnResults(Member(1), [Value(1, 8)], 20);

        Assert.Equal(7, Assert.Single(_delivered).Value.Inline[0]);
        Assert.Equal(1, _dispatched.Count(d => d.Container == Member(0)));
    }

    [Fact]
    public void OnResults_ClusterHasFinished_TakesTheNextInput()
    {
        var core = Running(Settings(max: 2));
        core.AddInputs("fc-1", [new Input { Call = 2, Index = 0 }], 5);
        Assert.Equal(2, _dispatched.Count);

        core.OnResults(Member(1), [Value(1, 8)], 10);
        Assert.Equal(2, _dispatched.Count);
        core.OnResults(Member(0), [Value(0, 7)], 20);

        Assert.Equal([(Member(0), 2ul), (Member(1), 2ul)], _dispatched.Skip(2).Select(d => (d.Container, d.Attempt.Input.Call)));
    }

    [Fact]
    public void OnResults_OneMemberFails_OthersAreCancelledAndTheAttemptFails()
    {
        var core = Running(Settings());

        core.OnResults(Member(1), [Failed(1, FailureKind.UserException)], 10);
        Assert.Equal((Member(0), _dispatched[0].Attempt.Input), Assert.Single(_cancelled));
        core.OnResults(Member(0), [Failed(0, FailureKind.Cancelled)], 20);

        Assert.Equal(FailureKind.UserException, Assert.Single(_delivered).Failure.Kind);
        Assert.Empty(_stopped);
    }

    [Fact]
    public void OnResults_FailureAfterRankZeroGaveItsResult_FailsTheAttempt()
    {
        var core = Running(Settings());

        core.OnResults(Member(0), [Value(0, 7)], 10);
        core.OnResults(Member(1), [Failed(1, FailureKind.UserException)], 20);

        Assert.Equal(FailureKind.UserException, Assert.Single(_delivered).Failure.Kind);
        Assert.Empty(_cancelled);
    }

    [Fact]
    public void OnResults_FailureWithRetries_RunsAgainInAllMembers()
    {
        var core = Running(Settings() with { Retries = 1 });

        core.OnResults(Member(1), [Failed(1, FailureKind.UserException)], 10);
        core.OnResults(Member(0), [Failed(0, FailureKind.Cancelled)], 20);
        core.Wake(1_020);

        Assert.Equal([(Member(0), 2), (Member(1), 2)], _dispatched.Skip(2).Select(d => (d.Container, d.Attempt.Attempt_)));
        Assert.Empty(_delivered);
    }

    [Fact]
    public void OnResults_SaidTwice_CountsOnce()
    {
        var core = Running(Settings());

        core.OnResults(Member(0), [Value(0, 7), Value(0, 7)], 10);

        Assert.Empty(_delivered);
    }

    [Fact]
    public void OnResults_Yields_AreThoseOfRankZero()
    {
        var core = Running(Settings());

        core.OnResults(Member(1), [new AttemptResult { Input = _dispatched[1].Attempt.Input, Attempt = 1, Yield = Payload(8) }], 10);
        core.OnResults(Member(0), [new AttemptResult { Input = _dispatched[0].Attempt.Input, Attempt = 1, Yield = Payload(7) }], 10);
        core.OnResults(Member(0), [new AttemptResult { Input = _dispatched[0].Attempt.Input, Attempt = 1, Done = true }], 20);
        core.OnResults(Member(1), [new AttemptResult { Input = _dispatched[1].Attempt.Input, Attempt = 1, Done = true }], 20);

        Assert.Equal(2, _delivered.Count);
        Assert.Equal(7, _delivered[0].Yield.Inline[0]);
        Assert.True(_delivered[1].Done);
    }

    [Fact]
    public void OnExited_OneMemberIsLost_OthersStopAndTheInputRunsAgainWithoutARetry()
    {
        var core = Running(Settings());

        core.OnExited(Member(1), ExitReason.Lost, new Failure { Kind = FailureKind.Lost, Message = "killed" }, 10);
        Assert.Equal(Member(0), Assert.Single(_stopped).Container);
        Assert.Equal(4, _requested.Count);
        Assert.Equal([Member(1)], _released);
        core.OnExited(Member(0), ExitReason.Stopped, null, 20);
        Place(core, 2, 3);
        core.OnReady(Member(2), [], 30);
        core.OnReady(Member(3), [], 30);
        core.OnResults(Member(2), [Value(2, 7)], 40);
        core.OnResults(Member(3), [Value(3, 8)], 40);

        var result = Assert.Single(_delivered);
        Assert.Equal((CallResult.OutcomeOneofCase.Value, 2), (result.OutcomeCase, result.Attempt));
        Assert.Equal([Member(2), Member(3)], core.Containers.Select(c => c.Id));
    }

    [Fact]
    public void OnExited_ThroughWhatAnInputDid_GivesItsFailureAndEndsTheCluster()
    {
        var core = Running(Settings());

        core.OnResults(Member(1), [Failed(1, FailureKind.Crashed)], 10);
        core.OnExited(Member(1), ExitReason.UserCode, new Failure { Kind = FailureKind.Crashed }, 10);

        Assert.Equal(FailureKind.Crashed, Assert.Single(_delivered).Failure.Kind);
        Assert.Equal(Member(0), Assert.Single(_stopped).Container);
        core.OnResults(Member(0), [Failed(0, FailureKind.Cancelled)], 20);
        core.OnExited(Member(0), ExitReason.Stopped, null, 30);
        Assert.Single(_delivered);
        Assert.Empty(core.Containers);
    }

    [Fact]
    public void OnExited_WhatIsLeftOfACluster_CountsUntilItIsGone()
    {
        var core = Running(Settings(max: 2));

        core.OnExited(Member(1), ExitReason.Lost, null, 10);
        Assert.Equal(2, _requested.Count);
        core.OnExited(Member(0), ExitReason.Stopped, null, 20);

        Assert.Equal(4, _requested.Count);
    }

    [Fact]
    public void OnExited_OneMemberCannotStart_CallersHearWhyAndTheOthersStop()
    {
        var core = Called(Settings());
        Place(core, 0, 1);
        core.OnReady(Member(0), [], 10);

        core.OnExited(Member(1), ExitReason.StartupFailed, new Failure { Kind = FailureKind.Startup, Message = "no model", Exception = new RemoteExceptionInfo { Type = "X" } }, 20);

        Assert.Equal("no model", Assert.Single(_delivered).Failure.Message);
        Assert.Equal(Member(0), Assert.Single(_stopped).Container);
    }

    [Fact]
    public void OnExited_ReadyMemberIsLostBeforeTheOthersAreReady_IsAStartThatFailed()
    {
        var core = Called(Settings());
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(_delivered);
            Place(core, 2 * i, (2 * i) + 1);
            core.OnReady(Member(2 * i), [], i * 60_000);
            core.OnExited(Member(2 * i), ExitReason.Lost, new Failure { Kind = FailureKind.Lost, Message = "killed" }, i * 60_000);
            core.OnExited(Member((2 * i) + 1), ExitReason.Stopped, null, i * 60_000);
            core.Wake((i * 60_000) + 30_000);
        }

        var failure = Assert.Single(_delivered).Failure;
        Assert.Equal((FailureKind.Startup, "A container of the cluster was gone before all of them were ready: killed"), (failure.Kind, failure.Message));
    }

    [Fact]
    public void OnWorkerLost_WhileClustersStart_FailsNobody()
    {
        var core = Called(Settings());

        for (var i = 0; i < 5; i++)
        {
            Place(core, 2 * i, (2 * i) + 1);
            core.OnWorkerLost("wk-0", i * 60_000);
            core.OnExited(Member((2 * i) + 1), ExitReason.Stopped, null, i * 60_000);
            core.Wake((i * 60_000) + 30_000);
        }

        Assert.Empty(_delivered);
        Assert.Equal(12, _requested.Count);
    }

    [Fact]
    public void OnExited_BeforeAllAreHeardToBePlaced_TheirPlacesAreGivenBack()
    {
        var core = Called(Settings());
        Place(core, 0);

        core.OnExited(Member(0), ExitReason.StartupFailed, new Failure { Kind = FailureKind.Startup, Message = "no start" }, 20);

        Assert.Equal([Member(1)], _withdrawn);
        Assert.Null(core.OnPlaced(Member(1), "wk-1", 30));
    }

    [Fact]
    public void OnWorkerLost_SomeMembersWereThere_ClusterEnds()
    {
        var core = Running(Settings(size: 3));

        core.OnWorkerLost("wk-1", 10);

        Assert.Equal([Member(1)], _released);
        Assert.Equal([Member(0), Member(2)], _stopped.Select(s => s.Container));
        Assert.Equal(1, core.Queued);
    }

    [Fact]
    public void OnDraining_OneMember_AllFinishWhatTheyHaveAndAreReplaced()
    {
        var core = Running(Settings());

        core.OnDraining(Member(1), 10);
        core.AddInputs("fc-1", [new Input { Call = 2, Index = 0 }], 10);
        Assert.Equal([Member(0), Member(1)], _stopped.Select(s => s.Container));
        Assert.All(_stopped, s => Assert.True(s.Grace >= TimeSpan.FromMinutes(1)));
        Assert.Equal(4, _requested.Count);
        core.OnResults(Member(1), [Value(1, 8)], 20);
        core.OnExited(Member(1), ExitReason.Stopped, null, 30);
        core.OnResults(Member(0), [Value(0, 7)], 40);
        core.OnExited(Member(0), ExitReason.Stopped, null, 50);

        Assert.Equal(7, Assert.Single(_delivered).Value.Inline[0]);
    }

    [Fact]
    public void OnExited_LeavingMemberLeavesWorkUndone_TheInputRunsElsewhere()
    {
        var core = Running(Settings());
        core.OnPreempted(Member(0), 10);

        core.OnExited(Member(1), ExitReason.Stopped, null, 5_000);

        Assert.Equal(1, core.Queued);
        Assert.Equal(Member(0), _stopped[^1].Container);
        Assert.True(_stopped[^1].Grace < TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void OnReturned_ByOneMember_OthersAreCancelledAndItRunsAgainWithoutARetry()
    {
        var core = Running(Settings());

        core.OnReturned(Member(1), [_dispatched[1].Attempt.Input], 10);
        Assert.Equal(Member(0), Assert.Single(_cancelled).Container);
        core.OnResults(Member(0), [Failed(0, FailureKind.Cancelled)], 20);

        Assert.Empty(_delivered);
        Assert.Equal([(Member(0), 2), (Member(1), 2)], _dispatched.Skip(2).Select(d => (d.Container, d.Attempt.Attempt_)));
    }

    [Fact]
    public void CancelInputs_OfACluster_ReachesAllMembersAndFreesItWhenAllAnswered()
    {
        var core = Running(Settings(max: 2));
        core.AddInputs("fc-1", [new Input { Call = 2, Index = 0 }], 5);

        core.CancelInputs("fc-1", 1, [], 10);
        Assert.Equal([Member(0), Member(1)], _cancelled.Select(c => c.Container));
        core.OnResults(Member(0), [Failed(0, FailureKind.Cancelled)], 20);
        Assert.Equal(2, _dispatched.Count);
        core.OnResults(Member(1), [Failed(1, FailureKind.Cancelled)], 30);

        Assert.Equal(FailureKind.Cancelled, Assert.Single(_delivered).Failure.Kind);
        Assert.Equal(4, _dispatched.Count);
    }

    [Fact]
    public void Scale_LimitsOfContainers_CountClusters()
    {
        var core = Opened(Settings(max: 4) with { MinContainers = 2, IsSingleUse = true });
        Assert.Equal(2, _requested.Count);

        core.AddInputs("fc-1", [.. Enumerable.Range(0, 10).Select(i => new Input { Call = 1, Index = (ulong)i })], 0);
        core.Wake(60_000);
        Assert.Equal((4, 4, 0), (_requested.Count, core.StartingContainers, core.ReadyContainers));
        Place(core, 0, 1);
        core.OnReady(Member(0), [], 60_010);
        core.OnReady(Member(1), [], 60_010);

        Assert.Equal((2, 2), (core.StartingContainers, core.ReadyContainers));
    }

    [Fact]
    public void Wake_IdleCluster_GoesWhole()
    {
        var core = Running(Settings());
        core.OnResults(Member(0), [Value(0, 7)], 10);
        core.OnResults(Member(1), [Value(1, 8)], 10);

        core.Wake(200_000);

        Assert.Equal([Member(0), Member(1)], _stopped.Select(s => s.Container));
    }

    [Fact]
    public void CancelInputs_NothingIsLeftToDo_RequestOfTheClusterIsWithdrawn()
    {
        var core = Called(Settings());

        core.CancelInputs("fc-1", 1, [], 10);

        Assert.Equal([Member(0), Member(1)], _withdrawn);
        Assert.Empty(core.Containers);
    }

    [Fact]
    public void OnNoCapacity_ForOneMember_FailsWhatWaitsOnceAndForgetsTheCluster()
    {
        var core = Called(Settings());
        var failure = new Failure { Kind = FailureKind.NoCapacity, Message = "too big" };

        core.OnNoCapacity(Member(0), failure, 10);
        core.OnNoCapacity(Member(1), failure, 10);

        Assert.Equal("too big", Assert.Single(_delivered).Failure.Message);
        Assert.Empty(core.Containers);
    }

    [Fact]
    public void Stop_RunningCluster_StopsAllMembers()
    {
        var core = Running(Settings());

        core.Stop("the app is over", 10);
        Assert.Equal([Member(0), Member(1)], _stopped.Select(s => s.Container));
        core.OnExited(Member(0), ExitReason.Stopped, null, 20);
        core.OnExited(Member(1), ExitReason.Stopped, null, 20);

        Assert.Empty(core.Containers);
        Assert.Equal([Member(0), Member(1)], _released);
    }

    [Theory]
    [InlineData(4, 0, 0, 8)]
    [InlineData(64, 0, 0, 64)]
    [InlineData(4, 16, 8, 16)]
    public void From_Cluster_MaximumIsAMultiple(int size, int max, int min, int expected)
    {
        var settings = FunctionSettings.From(new FunctionSpec { ClusterSize = size, MaxContainers = max, MinContainers = min });

        Assert.Equal((expected, min, null), (settings.MaxContainers, settings.MinContainers, settings.Fault()));
    }

    [Fact]
    public void Fault_NoMultiple_SaysTheSize()
    {
        var settings = Settings() with { MinContainers = 3 };

        Assert.Equal("MinContainers would be 3, MaxContainers 10 and BufferContainers 0: each must be a multiple of 2, the size of the function's clusters.", settings.Fault());
    }

    void IFunctionActions.Deliver(string streamId, CallResults results) => _delivered.AddRange(results.Results);

    void IFunctionActions.Dispatch(ContainerState container, DispatchInputs inputs)
    {
        Assert.Equal(container.Id, inputs.ContainerId);
        _dispatched.AddRange(inputs.Attempts.Select(a => (container.Id, a)));
    }

    void IFunctionActions.CancelAttempts(ContainerState container, CancelAttempts cancel)
    {
        Assert.Equal(container.Id, cancel.ContainerId);
        _cancelled.AddRange(cancel.Inputs.Select(i => (container.Id, i)));
    }

    void IFunctionActions.RequestContainer(ContainerState container) => _requested.Add(container);

    void IFunctionActions.WithdrawRequest(ContainerState container) => _withdrawn.Add(container.Id);

    void IFunctionActions.StopContainer(ContainerState container, TimeSpan grace, string reason) => _stopped.Add((container.Id, grace));

    void IFunctionActions.Released(ContainerState container) => _released.Add(container.Id);

    private static FunctionSettings Settings(int size = 2, int max = 10) => new() { ClusterSize = size, MaxContainers = max };

    private static Payload Payload(byte value) => new() { Format = PayloadFormat.Messagepack, Inline = Google.Protobuf.ByteString.CopyFrom(value) };

    private string Member(int number) => _requested[number].Id;

    private AttemptResult Value(int dispatch, byte value) => Of(dispatch, new AttemptResult { RunUs = 100, Value = Payload(value) });

    private AttemptResult Failed(int dispatch, FailureKind kind) => Of(dispatch, new AttemptResult { RunUs = 100, Failure = new Failure { Kind = kind } });

    private AttemptResult Of(int member, AttemptResult result)
    {
        var (_, attempt) = _dispatched.Last(d => d.Container == Member(member));
        (result.Input, result.Attempt) = (attempt.Input, attempt.Attempt_);
        return result;
    }

    private void Place(FunctionCore core, params int[] members)
    {
        foreach (var member in members)
        {
            Assert.Same(_requested[member], core.OnPlaced(Member(member), $"wk-{_requested[member].Rank}", 0));
        }
    }

    private FunctionCore Opened(FunctionSettings settings)
    {
        var core = new FunctionCore(settings, this, () => $"ta-{++_ids}");
        core.OpenStream("fc-1", 0, 0);
        return core;
    }

    private FunctionCore Called(FunctionSettings settings)
    {
        var core = Opened(settings);
        core.AddInputs("fc-1", [new Input { Call = 1, Index = 0 }], 0);
        return core;
    }

    private FunctionCore Running(FunctionSettings settings)
    {
        var core = Called(settings);
        for (var i = 0; i < settings.ClusterSize; i++)
        {
            Place(core, i);
        }

        for (var i = 0; i < settings.ClusterSize; i++)
        {
            core.OnReady(Member(i), [], 0);
        }

        return core;
    }
}
