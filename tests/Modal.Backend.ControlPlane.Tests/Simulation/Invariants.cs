using System.Globalization;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Tests.Placing;
using Modal.Protocol;
using Xunit.Sdk;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>
/// What must always hold, found out from the messages alone: who holds which input in the server's view, what each input has suffered, how many containers a function has.
/// </summary>
internal sealed partial class Invariants(World world)
{
    // As in FunctionCore: an input whose container was lost more often is given up.
    private const int MaxLosses = 5;

    // As in ServiceTime.
    private const int MaxPrefetch = 256;

    private const ulong AllOfCall = ulong.MaxValue;

    private readonly Dictionary<InputKey, Lease> _leases = [];

    // Those nobody waits for any more: they still hold a place in their container.
    private readonly Dictionary<(string ContainerId, InputKey Key, int Attempt), Lease> _abandoned = [];

    // With the event in which it was heard.
    private readonly Dictionary<InputKey, long> _cancelled = [];
    private readonly Dictionary<InputKey, History> _histories = [];
    private readonly Dictionary<string, ContainerRecord> _containers = new(StringComparer.Ordinal);

    public int FailuresOf(InputKey key) => HistoryOf(key).Failures;

    /// <summary>Containers of the function, or clusters, that workers were told to start.</summary>
    public int StartsOf(string functionId) => UnitsOf(functionId).Distinct().Count();

    /// <summary>Containers of the function, or clusters, that ended though nobody wanted them to, or for others.</summary>
    public int AccidentsOf(string functionId) => UnitsOf(functionId, static c => c.HadAccident).Distinct().Count();

    public int AttemptsOf(string functionId) => UnitsOf(functionId).Distinct().Sum(static c => c.Attempts);

    /// <summary>A message leaves for a worker.</summary>
    public void OnSent(string session, ServerMessage message)
    {
        if (message.Start is { ClusterSize: > 0 } member)
        {
            OnMemberStarted(member, session);
        }
        else if (message.Start is { } start)
        {
            world.Require(_containers.TryAdd(start.ContainerId, new ContainerRecord(start.Function, session)), $"{world.Name(start.ContainerId)} was started twice.");
        }
        else if (message.Dispatch is { } dispatch)
        {
            OnDispatch(_containers[dispatch.ContainerId], dispatch, session);
        }
    }

    /// <summary>Messages of a worker reach the function.</summary>
    public void OnWorkerMessages(string functionId, WorkerBatch batch)
    {
        foreach (var message in batch.Messages)
        {
            if (message.Results is { } results)
            {
                foreach (var result in results.Results)
                {
                    OnResult(functionId, results.ContainerId, result);
                }
            }
            else if (message.Returned is { } returned)
            {
                foreach (var key in returned.Inputs.Select(InputKey.Of))
                {
                    if (_containers.TryGetValue(returned.ContainerId, out var member) && member.Cluster is { } cluster)
                    {
                        OnMemberReturned(functionId, cluster, member, key);
                    }
                    else if (_leases.TryGetValue(key, out var lease) && lease.ContainerId == returned.ContainerId)
                    {
                        End(key, lease);
                    }
                }
            }
            else if (message.Ready is { } ready && _containers.TryGetValue(ready.ContainerId, out var started))
            {
                started.IsReady = true;
            }
            else if (message.Exited is { } exited && _containers.TryGetValue(exited.ContainerId, out var container))
            {
                OnExited(container, exited);
            }
        }
    }

    public void OnWorkerLost(string functionId, string session)
    {
        foreach (var (id, container) in _containers.Where(c => c.Value.Function.FunctionId == functionId && c.Value.Session == session && !c.Value.IsOver).ToArray())
        {
            container.HadAccident = true;
            if (container.Cluster is not null)
            {
                OnMemberEnded(functionId, id, container, ExitReason.Lost);
                continue;
            }

            EndAll(id, container, isLoss: true);
        }
    }

    public void OnNotices(string functionId, PlacementNotices news)
    {
        foreach (var notice in news.Notices.Where(n => n.Outcome is PlacementOutcome.Preempted or PlacementOutcome.Drained))
        {
            if (_containers.TryGetValue(notice.ContainerId, out var container))
            {
                world.Log($"{functionId} hears that {world.Name(notice.ContainerId)} is {notice.Outcome}");
                world.Require(notice.Outcome != PlacementOutcome.Preempted || !container.Function.Nonpreemptible, $"{world.Name(notice.ContainerId)} is not to be preempted.");
                container.HadAccident = true;
            }
        }
    }

    /// <summary>The server has forgotten the stream: the client began it anew.</summary>
    public void OnStreamAnew(string streamId)
    {
        foreach (var key in _cancelled.Keys.Where(c => c.StreamId == streamId).ToArray())
        {
            _cancelled.Remove(key);
        }

        foreach (var (key, history) in _histories.Where(h => h.Key.StreamId == streamId))
        {
            (history.Failures, history.Doubtful, history.Losses) = (0, 0, 0);
            Abandon(key);
        }
    }

    /// <summary>A cancellation reaches the function.</summary>
    public void OnCancel(string streamId, CancelInputs cancel)
    {
        foreach (var index in cancel.Indexes.Count > 0 ? cancel.Indexes : [AllOfCall])
        {
            _cancelled.TryAdd(new InputKey(streamId, cancel.Call, index), world.Time.Events);
        }

        foreach (var key in _leases.Keys.Where(IsCancelled).ToArray())
        {
            Abandon(key);
        }
    }

    /// <summary>The client has the final result of an input.</summary>
    public void OnFinal(string functionId, InputKey key, CallResult result)
    {
        var function = world.Scenario.Functions.Single(f => f.Spec.FunctionId == functionId).Spec;
        var history = HistoryOf(key);
        if (result.Value is { } value)
        {
            var attempt = int.Parse(value.Inline.ToStringUtf8(), CultureInfo.InvariantCulture);
            world.Require(attempt == history.LastAttempt, $"{key} has the result of attempt {attempt} after attempt {history.LastAttempt} had begun.");
        }

        switch (result.Failure?.Kind)
        {
            case FailureKind.UserException or FailureKind.Timeout or FailureKind.Crashed:
                world.Require(history.Failures <= function.Retries + 1 && function.Retries + 1 <= history.Failures + history.Doubtful, $"{key} failed for good after {history.Failures} failures and {history.Losses} losses, with {function.Retries} retries.");
                break;
            case FailureKind.Lost:
                world.Require(history.Losses > MaxLosses, $"{key} was given up after {history.Losses} losses.");
                break;
            case FailureKind.Cancelled or null:
                break;
            case FailureKind.Startup or FailureKind.NoCapacity:
                world.Require(world.Scenario.Faults > 0 || result.Failure.Kind == FailureKind.NoCapacity, $"{key} failed and no start did: {result.Failure.Message}");
                break;
            default:
                world.Fail($"{key} failed with {result.Failure}.");
                break;
        }
    }

    /// <summary>Looks at the state of everything.</summary>
    public void CheckState()
    {
        try
        {
            PlacementChecks.Check(world.Pool.Placement);
        }
        catch (XunitException e)
        {
            world.Fail(e.Message);
        }

        var quota = world.Scenario.Quota.MaxContainers;
        world.Require(quota == 0 || world.Pool.Placement.Placed.Count <= quota, $"{world.Pool.Placement.Placed.Count} containers have a place and the quota is {quota}.");
        foreach (var function in world.Scenario.Functions)
        {
            var core = world.Functions[function.Spec.FunctionId].Core;
            world.Require(core.Containers.Count <= function.Spec.MaxContainers, $"{function.Spec.FunctionId} has {core.Containers.Count} containers and may have {function.Spec.MaxContainers}.");
        }
    }

    private IEnumerable<ContainerRecord> UnitsOf(string functionId, Func<ContainerRecord, bool>? where = null) =>
        _containers.Values.Where(c => c.Function.FunctionId == functionId && where?.Invoke(c) != false).Select(static c => c.Cluster?.Whole ?? c);

    private void OnDispatch(ContainerRecord container, DispatchInputs dispatch, string session)
    {
        if (container.Cluster is { } cluster)
        {
            OnMemberDispatch(cluster, container, dispatch, session);
            return;
        }

        var name = world.Name(dispatch.ContainerId);
        if (container.OverInEvent == world.Time.Events)
        {
            // Between two messages of one batch: the function had its end before it in the same turn, and took them back.
            foreach (var attempt in dispatch.Attempts)
            {
                HistoryOf(InputKey.Of(attempt.Input)).LastAttempt = attempt.Attempt_;
            }

            return;
        }

        world.Require(container.Session == session && !container.IsOver, $"{name} was given inputs after its end.");
        var wasEmpty = container.Held == 0;
        foreach (var attempt in dispatch.Attempts)
        {
            var key = InputKey.Of(attempt.Input);
            var history = HistoryOf(key);
            if (_leases.TryGetValue(key, out var other))
            {
                world.Require(!world.Links.TryGet(other.Container.Session, out _), $"{key} was given to {name} while {world.Name(other.ContainerId)} has it.");
                Abandon(key);
            }

            world.Require(!IsLongCancelled(key), $"{key} was given to {name} after it was cancelled.");
            world.Require(attempt.Attempt_ >= 1, $"{key} has attempt {attempt.Attempt_}.");
            history.LastAttempt = attempt.Attempt_;
            _leases[key] = new Lease(dispatch.ContainerId, container, attempt.Attempt_);
            container.Held++;
            container.Attempts++;
        }

        var function = container.Function;
        if (function.BatchMaxSize > 0)
        {
            var (first, many) = (dispatch.Attempts[0], dispatch.Attempts.Count);
            world.Require(wasEmpty, $"{name} was given a batch while it has one.");
            world.Require(many <= function.BatchMaxSize && dispatch.Attempts.All(a => a.Batch == first.Batch && a.BatchSize == many), $"{name} was given a batch of {many} that says {first.BatchSize}.");
        }
        else
        {
            world.Require(container.Held <= Math.Max(MaxPrefetch, function.MaxConcurrentInputs), $"{name} holds {container.Held} inputs.");
        }

        world.Require(!function.SingleUseContainers || container.Attempts == 1, $"{name} serves one input and was given {container.Attempts}.");
    }

    private void OnResult(string functionId, string containerId, AttemptResult result)
    {
        var key = InputKey.Of(result.Input);
        if (result.Yield is not null)
        {
            return;
        }

        if (_containers.TryGetValue(containerId, out var member) && member.Cluster is { } cluster)
        {
            OnMemberReport(functionId, cluster, member, key, result.Attempt, result);
            return;
        }

        if (_leases.TryGetValue(key, out var lease) && lease.ContainerId == containerId && lease.Attempt == result.Attempt)
        {
            End(key, lease);
            if (result.Failure is { } failure && failure.Kind != FailureKind.Cancelled)
            {
                HistoryOf(key).Failures++;
                world.Log($"{functionId} hears that {key} failed: {failure.Kind}");
            }
        }
        else if (_abandoned.Remove((containerId, key, result.Attempt), out var abandoned))
        {
            abandoned.Container.Held--;
        }
    }

    private void OnExited(ContainerRecord container, ContainerExited exited)
    {
        world.Log($"{container.Function.FunctionId} hears that {world.Name(exited.ContainerId)} exited: {exited.Reason}");
        container.HadAccident |= exited.Reason != ExitReason.Stopped;
        if (container.Cluster is not null)
        {
            OnMemberEnded(container.Function.FunctionId, exited.ContainerId, container, exited.Reason);
            return;
        }

        EndOfContainer(exited.ContainerId, container, exited.Reason);
    }

    private void EndOfContainer(string id, ContainerRecord container, ExitReason reason)
    {
        if (reason == ExitReason.Ambiguous && container.Held == 1)
        {
            foreach (var (key, _) in _leases.Where(l => l.Value.Container == container))
            {
                HistoryOf(key).Doubtful++;
            }
        }

        EndAll(id, container, reason == ExitReason.Lost);
    }

    private void EndAll(string id, ContainerRecord container, bool isLoss)
    {
        container.OverInEvent = world.Time.Events;
        foreach (var (key, lease) in _leases.Where(l => l.Value.ContainerId == id).ToArray())
        {
            HistoryOf(key).Losses += isLoss ? 1 : 0;
            End(key, lease);
        }

        foreach (var key in _abandoned.Keys.Where(a => a.ContainerId == id).ToArray())
        {
            _abandoned.Remove(key);
        }
    }

    private void End(InputKey key, Lease lease)
    {
        _leases.Remove(key);
        lease.Container.Held--;
    }

    // It still holds its place in the container.
    private void Abandon(InputKey key)
    {
        if (_leases.Remove(key, out var lease))
        {
            _abandoned[(lease.ContainerId, key, lease.Attempt)] = lease;
        }
    }

    private bool IsCancelled(InputKey key) => _cancelled.ContainsKey(key) || _cancelled.ContainsKey(key with { Index = AllOfCall });

    // What was heard in the same batch before the cancellation may still have gone out.
    private bool IsLongCancelled(InputKey key) => Math.Min(_cancelled.GetValueOrDefault(key, long.MaxValue), _cancelled.GetValueOrDefault(key with { Index = AllOfCall }, long.MaxValue)) < world.Time.Events;

    private History HistoryOf(InputKey key)
    {
        if (!_histories.TryGetValue(key, out var history))
        {
            _histories.Add(key, history = new History());
        }

        return history;
    }

    private sealed record Lease(string ContainerId, ContainerRecord Container, int Attempt);

    private sealed class History
    {
        public int Failures { get; set; }

        /// <summary>Containers that died with it: whether it was alone there depends on what else the function did in that turn.</summary>
        public int Doubtful { get; set; }

        public int Losses { get; set; }

        public int LastAttempt { get; set; }
    }

    private sealed class ContainerRecord(FunctionSpec function, string session)
    {
        public FunctionSpec Function => function;

        public string Session => session;

        /// <summary>The cluster that it is a member of.</summary>
        public ClusterRecord? Cluster { get; init; }

        public int Rank { get; init; }

        public bool IsReady { get; set; }

        public int Held { get; set; }

        public int Attempts { get; set; }

        public bool IsOver => OverInEvent is not null;

        public long? OverInEvent { get; set; }

        public bool HadAccident { get; set; }
    }
}
