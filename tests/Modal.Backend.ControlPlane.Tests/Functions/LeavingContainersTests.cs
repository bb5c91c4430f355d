using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;
using Xunit;

namespace Modal.Backend.ControlPlane.Tests.Functions;

/// <summary>Containers whose worker stops, or whose room somebody else needs.</summary>
public sealed class LeavingContainersTests : IFunctionActions
{
    private readonly List<CallResult> _delivered = [];
    private readonly List<(string Container, Attempt Attempt)> _dispatched = [];
    private readonly List<string> _requested = [];
    private readonly List<(string Container, TimeSpan Grace)> _stopped = [];
    private readonly FunctionCore _core;
    private int _ids;

    public LeavingContainersTests()
    {
        _core = new FunctionCore(new FunctionSettings { MaxContainers = 3 }, this, () => $"ta-{++_ids}");
        _core.OpenStream("fc-1", 0, 0);
        _core.AddInputs("fc-1", [new Input { Call = 1, Index = 0 }], 0);
        _core.OnPlaced("ta-1", "wk-1", 0);
    }

    [Fact]
    public void OnDraining_BusyContainer_FinishesWhatItHasAndIsReplaced()
    {
        _core.OnReady("ta-1", [], 0);

        _core.OnDraining("ta-1", 10);
        _core.AddInputs("fc-1", [new Input { Call = 2, Index = 0 }], 20);

        Assert.Contains("ta-2", _requested);
        Assert.True(Assert.Single(_stopped).Grace >= TimeSpan.FromMinutes(1));
        Assert.Single(_dispatched);
        _core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 30);
        Assert.Single(_delivered);
        _core.OnExited("ta-1", ExitReason.Stopped, null, 40);
        _core.OnPlaced("ta-2", "wk-2", 50);
        _core.OnReady("ta-2", [], 60);
        Assert.Equal(("ta-2", 1), (_dispatched[1].Container, _dispatched[1].Attempt.Attempt_));
    }

    [Fact]
    public void OnDraining_ContainerThatStarts_IsStoppedAtOnceAndReplaced()
    {
        _core.OnDraining("ta-1", 10);

        Assert.Equal(("ta-1", TimeSpan.Zero), Assert.Single(_stopped));
        Assert.Equal(["ta-1", "ta-2"], _requested);
    }

    [Fact]
    public void ReleaseIdle_ContainerThatWasIdleForASecond_GoesAndIsNotReplaced()
    {
        _core.OnReady("ta-1", [], 0);
        _core.OnResults("ta-1", [Value(_dispatched[0].Attempt)], 100);

        _core.ReleaseIdle(1_099);
        Assert.Empty(_stopped);
        _core.ReleaseIdle(1_100);
        _core.Wake(2_000);

        Assert.Equal("ta-1", Assert.Single(_stopped).Container);
        Assert.Single(_requested);
    }

    [Fact]
    public void ReleaseIdle_BusyContainer_Stays()
    {
        _core.OnReady("ta-1", [], 0);

        _core.ReleaseIdle(60_000);

        Assert.Empty(_stopped);
    }

    [Fact]
    public void OnPreempted_BusyContainer_ItsInputRunsAgainAndCostsNoRetry()
    {
        _core.OnReady("ta-1", [], 0);

        _core.OnPreempted("ta-1", 10);
        _core.OnPreempted("ta-1", 11);
        Assert.Single(_stopped);
        _core.OnExited("ta-1", ExitReason.Stopped, null, 5_000);
        _core.OnPlaced("ta-2", "wk-2", 6_000);
        _core.OnReady("ta-2", [], 6_000);
        _core.OnResults("ta-2", [Value(_dispatched[1].Attempt)], 6_100);

        var result = Assert.Single(_delivered);
        Assert.Equal((CallResult.OutcomeOneofCase.Value, 1), (result.OutcomeCase, result.Attempt));
    }

    [Fact]
    public void Stop_WhileAContainerLeaves_TellsItToBeQuick()
    {
        _core.OnReady("ta-1", [], 0);
        _core.OnDraining("ta-1", 10);

        _core.Stop("the app is over", 20);

        Assert.Equal(2, _stopped.Count);
        Assert.True(_stopped[1].Grace < TimeSpan.FromSeconds(30));
    }

    void IFunctionActions.Deliver(string streamId, CallResults results) => _delivered.AddRange(results.Results);

    void IFunctionActions.Dispatch(ContainerState container, DispatchInputs inputs) => _dispatched.AddRange(inputs.Attempts.Select(a => (container.Id, a)));

    void IFunctionActions.CancelAttempts(ContainerState container, CancelAttempts cancel)
    {
        // Nothing here is cancelled while a container is asked about it.
    }

    void IFunctionActions.RequestContainer(ContainerState container) => _requested.Add(container.Id);

    void IFunctionActions.WithdrawRequest(ContainerState container) => _requested.Remove(container.Id);

    void IFunctionActions.StopContainer(ContainerState container, TimeSpan grace, string reason) => _stopped.Add((container.Id, grace));

    void IFunctionActions.Released(ContainerState container)
    {
        // Only the pool would care.
    }

    private static AttemptResult Value(Attempt attempt) => new() { Input = attempt.Input, Attempt = attempt.Attempt_, RunUs = 100, Value = new Payload() };
}
