using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>
/// Clusters. What the other files call a container is then a cluster as a whole, counted and handed inputs as one; here its members become one: it is ready when all are, an attempt is over when all have
/// reported, and it ends with the first of them. <see cref="ClusterActions"/> is the way out to the members.
/// </content>
internal sealed partial class FunctionCore
{
    private readonly Dictionary<string, ContainerState> _members = new(StringComparer.Ordinal);

    // The cluster as a whole if the id is that of a member.
    private string WholeOf(string containerId) => FindMember(containerId)?.Cluster!.Whole.Id ?? containerId;

    private ContainerState? FindMember(string containerId) => _members.GetValueOrDefault(containerId);

    // They are placed together, but heard of one by one.
    private ContainerState? OnMemberPlaced(string containerId, string workerSession, long now)
    {
        if (FindMember(containerId) is not { Phase: ContainerPhase.Queued } member)
        {
            return null;
        }

        var whole = member.Cluster!.Whole;
        if (whole.Phase == ContainerPhase.Queued)
        {
            whole.Phase = ContainerPhase.Starting;
            whole.PlacedMs = now;
        }

        member.Phase = ContainerPhase.Starting;
        member.WorkerSession = workerSession;
        member.PlacedMs = now;
        return member;
    }

    private void OnMemberReady(ContainerState member, IReadOnlyList<StartPhase> phases, long now)
    {
        if (member.Phase != ContainerPhase.Starting)
        {
            return;
        }

        member.Phase = ContainerPhase.Ready;
        member.StartPhases = phases;
        var cluster = member.Cluster!;
        if (cluster.Members.TrueForAll(static m => m.Phase == ContainerPhase.Ready))
        {
            OnReady(cluster.Whole.Id, phases, now);
        }
    }

    private void OnMemberExited(ContainerState member, ExitReason reason, Failure? failure, long now)
    {
        var cluster = member.Cluster!;
        _members.Remove(member.Id);
        cluster.Members.Remove(member);
        _memberActions.Released(member);

        // Members that were told to stop end one after the other; that is no reason for the others to hurry, unless one leaves work undone.
        if (cluster.Whole.Phase != ContainerPhase.Stopping || cluster.Attempts.Values.Any(a => a.WaitsFor(member.Rank)))
        {
            var wasStarting = cluster.Whole.Phase == ContainerPhase.Starting;
            EndCluster(cluster, reason, failure, now);
            if (wasStarting && reason is not (ExitReason.Stopped or ExitReason.Unspecified))
            {
                OnStartFailed(StartFailure(reason, failure), now);
            }
        }

        if (cluster.Members.Count == 0)
        {
            Remove(cluster.Whole);
        }
    }

    private void LoseMembers(string workerSession, long now)
    {
        foreach (var member in _members.Values.Where(m => m.WorkerSession == workerSession).ToArray())
        {
            OnMemberExited(member, ExitReason.Unspecified, null, now);
        }
    }

    private void ForgetMembers(ContainerState whole)
    {
        foreach (var member in whole.Cluster?.Members ?? [])
        {
            _members.Remove(member.Id);
        }
    }

    // A member is gone, and the others are of no use without it.
    private void EndCluster(ClusterState cluster, ExitReason reason, Failure? failure, long now)
    {
        var whole = cluster.Whole;
        if (whole.Phase != ContainerPhase.Stopping)
        {
            _stopping++;
        }

        if (whole.Phase == ContainerPhase.Ready)
        {
            LeaveReady(whole);
        }

        whole.Phase = ContainerPhase.Stopping;
        foreach (var attempt in cluster.Attempts.Values)
        {
            // Said before the end, as by a container that died through it.
            if (attempt.Outcome is { Failure: not null } failed)
            {
                OnResult(whole, failed, now);
            }
        }

        cluster.Attempts.Clear();
        Requeue(whole, reason, failure, now);
        _actions.StopContainer(whole, s_busyGrace, "another container of its cluster is gone");
    }

    // One that was ready may have been lost while others still started: to those who wait it is a start that failed.
    private static Failure? StartFailure(ExitReason reason, Failure? failure) => reason != ExitReason.Lost ? failure : new Failure
    {
        Kind = FailureKind.Startup,
        Message = $"A container of the cluster was gone before all of them were ready: {(failure is { Message.Length: > 0 } ? failure.Message : "it was lost.")}",
        ContainerId = failure?.ContainerId ?? "",
        StderrTail = failure?.StderrTail ?? "",
    };

    private void OnMemberResults(ContainerState member, IReadOnlyList<AttemptResult> results, long now)
    {
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i].OutcomeCase != AttemptResult.OutcomeOneofCase.Yield)
            {
                Report(member, AttemptKey.Of(results[i].Input, results[i].Attempt), results[i], now);
            }
            else if (member.Rank == 0)
            {
                OnResult(member.Cluster!.Whole, results[i], now);
            }
        }
    }

    // The message does not say which attempt; a member has at most one that is not cancelled, the last.
    private void OnMemberReturned(ContainerState member, IReadOnlyList<InputRef> inputs, long now)
    {
        foreach (var input in inputs)
        {
            var open = member.Cluster!.Attempts.Where(a => a.Key.IsOf(input) && a.Value.WaitsFor(member.Rank)).Select(a => a.Key).ToArray();
            if (open.Length > 0)
            {
                Report(member, open.MaxBy(k => k.Attempt), null, now);
            }
        }
    }

    private void Report(ContainerState member, AttemptKey key, AttemptResult? result, long now)
    {
        var cluster = member.Cluster!;
        if (!cluster.Attempts.TryGetValue(key, out var attempt) || !attempt.WaitsFor(member.Rank))
        {
            return;
        }

        var wasCalledOff = attempt.IsCalledOff;
        attempt.Report(member.Rank, result);
        if (attempt.IsOver)
        {
            cluster.Attempts.Remove(key);
            Conclude(cluster.Whole, key, attempt, now);
            return;
        }

        if (attempt.IsCalledOff && !wasCalledOff)
        {
            foreach (var other in cluster.Members.Where(m => attempt.WaitsFor(m.Rank)))
            {
                _memberActions.CancelAttempts(other, new CancelAttempts { ContainerId = other.Id, Inputs = { key.Input } });
            }
        }
    }

    private void Conclude(ContainerState whole, AttemptKey key, ClusterAttempt attempt, long now)
    {
        if (attempt.Outcome is { } outcome)
        {
            OnResult(whole, outcome, now);
            whole.HasAnswered = true;
            return;
        }

        var input = FindHeld(whole, key.Input) is { } held && held.Attempt == key.Attempt ? held : FindAbandoned(whole, key.Input);
        if (input?.Attempt == key.Attempt)
        {
            TakeFrom(whole, input, now);
            if (input.Phase == InputPhase.Running)
            {
                _running--;
                Enqueue(input, atFront: true);
            }
        }
    }
}
