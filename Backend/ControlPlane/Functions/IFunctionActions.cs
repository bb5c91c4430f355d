using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>What a <see cref="FunctionCore"/> asks of the world. Called at the end of an operation; must not call back into the core.</summary>
internal interface IFunctionActions
{
    void Deliver(string streamId, CallResults results);

    void Dispatch(ContainerState container, DispatchInputs inputs);

    void CancelAttempts(ContainerState container, CancelAttempts cancel);

    /// <summary>Find a worker for a new container.</summary>
    void RequestContainer(ContainerState container);

    /// <summary>A container that was asked for is no longer wanted; no worker has it yet.</summary>
    void WithdrawRequest(ContainerState container);

    void StopContainer(ContainerState container, TimeSpan grace, string reason);

    /// <summary>The container is gone: what it took of its worker is free again.</summary>
    void Released(ContainerState container);
}
