using Modal.Backend.ControlPlane.Functions;
using Modal.Protocol;

namespace Modal.Benchmarks.QueueMemory;

/// <summary>A world without workers and with a client that does not listen: all that is queued stays queued.</summary>
internal sealed class IdleActions : IFunctionActions
{
    public int Requested { get; private set; }

    public void Deliver(string streamId, CallResults results) => throw new InvalidOperationException("Nothing runs, so there are no results.");

    public void Dispatch(ContainerState container, DispatchInputs inputs) => throw new InvalidOperationException("There is no container to send inputs to.");

    public void CancelAttempts(ContainerState container, CancelAttempts cancel) => throw new InvalidOperationException("There is nothing to cancel.");

    public void RequestContainer(ContainerState container) => Requested++;

    public void WithdrawRequest(ContainerState container) => Requested--;

    public void StopContainer(ContainerState container, TimeSpan grace, string reason) => throw new InvalidOperationException("There is no container to stop.");

    public void Released(ContainerState container) => throw new InvalidOperationException("There is no container to release.");
}
