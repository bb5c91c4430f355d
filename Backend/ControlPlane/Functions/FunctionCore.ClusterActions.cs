using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>What a function asks of a cluster as a whole, asked of each of its members.</content>
internal sealed partial class FunctionCore
{
    private sealed class ClusterActions(FunctionCore core, int size) : IFunctionActions
    {
        private readonly IFunctionActions _each = core._memberActions;

        public void Deliver(string streamId, CallResults results) => _each.Deliver(streamId, results);

        public void Dispatch(ContainerState container, DispatchInputs inputs)
        {
            var cluster = container.Cluster!;
            foreach (var attempt in inputs.Attempts)
            {
                cluster.Attempts.Add(AttemptKey.Of(attempt.Input, attempt.Attempt_), new ClusterAttempt(size));
            }

            foreach (var member in cluster.Members)
            {
                _each.Dispatch(member, new DispatchInputs { ContainerId = member.Id, Attempts = { inputs.Attempts } });
            }
        }

        public void CancelAttempts(ContainerState container, CancelAttempts cancel)
        {
            foreach (var member in container.Cluster!.Members)
            {
                _each.CancelAttempts(member, new CancelAttempts { ContainerId = member.Id, Inputs = { cancel.Inputs } });
            }
        }

        public void RequestContainer(ContainerState container)
        {
            // Nobody else knows the id of the whole.
            var cluster = new ClusterState(Id.Cluster + container.Id[(container.Id.IndexOf('-', StringComparison.Ordinal) + 1)..], container, size);
            container.Cluster = cluster;
            for (var rank = 0; rank < size; rank++)
            {
                var member = new ContainerState(core._newContainerId(), container.RequestedMs) { Cluster = cluster, Rank = rank };
                cluster.Members.Add(member);
                core._members.Add(member.Id, member);
                _each.RequestContainer(member);
            }
        }

        public void WithdrawRequest(ContainerState container)
        {
            foreach (var member in container.Cluster!.Members)
            {
                core._members.Remove(member.Id);
                _each.WithdrawRequest(member);
            }
        }

        public void StopContainer(ContainerState container, TimeSpan grace, string reason)
        {
            foreach (var member in container.Cluster!.Members.ToArray())
            {
                if (member.Phase == ContainerPhase.Queued)
                {
                    // It has a place, and the news of it is on its way.
                    core._members.Remove(member.Id);
                    container.Cluster.Members.Remove(member);
                    _each.WithdrawRequest(member);
                    continue;
                }

                member.Phase = ContainerPhase.Stopping;
                _each.StopContainer(member, grace, reason);
            }
        }

        public void Released(ContainerState container)
        {
            // Each member gave back what it had when it ended.
        }
    }
}
