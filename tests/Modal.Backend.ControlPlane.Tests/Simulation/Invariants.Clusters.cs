using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <content>Clusters: what their members are given and report, made into what a container that stands for all of them would be and report.</content>
internal sealed partial class Invariants
{
    private readonly Dictionary<string, ClusterRecord> _clusters = new(StringComparer.Ordinal);

    private void OnMemberStarted(StartContainer start, string session)
    {
        if (!_clusters.TryGetValue(start.ClusterId, out var cluster))
        {
            _clusters.Add(start.ClusterId, cluster = new ClusterRecord(start.ClusterId, new ContainerRecord(start.Function, "")));
        }

        var isInPlace = start.ClusterRank >= 0 && start.ClusterRank < start.ClusterSize && cluster.Members.TrueForAll(m => m.Rank != start.ClusterRank);
        world.Require(isInPlace && start.ClusterSize == start.Function.ClusterSize, $"{world.Name(start.ContainerId)} is rank {start.ClusterRank} of {start.ClusterSize} in {world.Name(start.ClusterId)}.");
        var member = new ContainerRecord(start.Function, session) { Cluster = cluster, Rank = start.ClusterRank };
        world.Require(_containers.TryAdd(start.ContainerId, member), $"{world.Name(start.ContainerId)} was started twice.");
        cluster.Members.Add(member);
    }

    // All members are given the same; the first that is shows it to the rules for a container.
    private void OnMemberDispatch(ClusterRecord cluster, ContainerRecord member, DispatchInputs dispatch, string session)
    {
        if (cluster.Whole.IsOver)
        {
            // It left after the end of another member was heard, which was after it was written.
            return;
        }

        var name = world.Name(dispatch.ContainerId);
        world.Require(member.Session == session && !member.IsOver, $"{name} was given inputs after its end.");
        world.Require(cluster.Members.Count == member.Function.ClusterSize && cluster.Members.TrueForAll(static m => m.IsReady), $"{name} was given inputs before all members of its cluster were ready.");
        var first = new DispatchInputs { ContainerId = cluster.Id };
        foreach (var attempt in dispatch.Attempts)
        {
            var id = (InputKey.Of(attempt.Input), attempt.Attempt_);
            if (!cluster.Open.TryGetValue(id, out var open))
            {
                cluster.Open.Add(id, open = new OpenAttempt());
                first.Attempts.Add(attempt);
            }

            world.Require(open.Dispatched.Add(member.Rank), $"{name} was given attempt {attempt.Attempt_} of {id.Item1} twice.");
        }

        if (first.Attempts.Count > 0)
        {
            OnDispatch(cluster.Whole, first, "");
        }
    }

    private void OnMemberReturned(string functionId, ClusterRecord cluster, ContainerRecord member, InputKey key)
    {
        var open = cluster.Open.Where(o => o.Key.Key == key && !o.Value.Reported.Contains(member.Rank)).Select(o => o.Key.Attempt).ToArray();
        if (open.Length > 0)
        {
            OnMemberReport(functionId, cluster, member, key, open.Max(), null);
        }
    }

    // The first failure or return decides, or else rank 0, once all have reported.
    private void OnMemberReport(string functionId, ClusterRecord cluster, ContainerRecord member, InputKey key, int attempt, AttemptResult? result)
    {
        if (!cluster.Open.TryGetValue((key, attempt), out var open) || !open.Reported.Add(member.Rank))
        {
            return;
        }

        if (!open.IsCalledOff && (result?.Failure is not null || result is null || member.Rank == 0))
        {
            open.IsCalledOff = result?.Failure is not null || result is null;
            open.Outcome = result;
        }

        if (open.Reported.Count < member.Function.ClusterSize)
        {
            return;
        }

        cluster.Open.Remove((key, attempt));
        if (open.Outcome is { } outcome)
        {
            OnResult(functionId, cluster.Id, outcome);
        }
        else if (_leases.TryGetValue(key, out var lease) && lease.ContainerId == cluster.Id && lease.Attempt == attempt)
        {
            End(key, lease);
        }
        else if (_abandoned.Remove((cluster.Id, key, attempt), out var abandoned))
        {
            abandoned.Container.Held--;
        }
    }

    private void OnMemberEnded(string functionId, string id, ContainerRecord member, ExitReason reason)
    {
        if (member.IsOver)
        {
            return;
        }

        member.OverInEvent = world.Time.Events;
        var cluster = member.Cluster!;
        var isStopping = world.Functions[functionId].Core.FindContainer(id)?.Cluster?.Whole.Phase == ContainerPhase.Stopping;
        if (cluster.Whole.IsOver || (isStopping && cluster.Open.Values.All(o => o.Reported.Contains(member.Rank))))
        {
            return;
        }

        foreach (var failed in cluster.Open.Values.Select(static o => o.Outcome).Where(static o => o?.Failure is not null).ToArray())
        {
            OnResult(functionId, cluster.Id, failed!);
        }

        cluster.Open.Clear();
        EndOfContainer(cluster.Id, cluster.Whole, reason);
    }

    private sealed class ClusterRecord(string id, ContainerRecord whole)
    {
        public string Id => id;

        public ContainerRecord Whole => whole;

        public List<ContainerRecord> Members { get; } = [];

        public Dictionary<(InputKey Key, int Attempt), OpenAttempt> Open { get; } = [];
    }

    private sealed class OpenAttempt
    {
        public HashSet<int> Dispatched { get; } = [];

        public HashSet<int> Reported { get; } = [];

        public bool IsCalledOff { get; set; }

        public AttemptResult? Outcome { get; set; }
    }
}
