using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Containers;

/// <summary>A container that a worker has, as the feature of a connection that comes from inside it: it may do less than a client.</summary>
/// <param name="start">How the worker was told to start it.</param>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and late connections still look at it.
internal sealed class ContainerIdentity(StartContainer start)
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _ended = new();

    public string ContainerId => start.ContainerId;

    public string AppId => start.AppId;

    public string FunctionId => start.Function.FunctionId;

    public string FunctionName => start.Function.Name;

    /// <summary>It may not speak to the server at all.</summary>
    public bool IsRestricted => start.Function.RestrictModalAccess;

    /// <summary>It may not reach the network, nor have anybody reach it for it.</summary>
    public bool BlocksNetwork => start.Function.BlockNetwork;

    /// <summary>Cancelled when the container is gone.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>The container is gone. What was registered runs off the caller's turn.</summary>
    public void End() => _ = _ended.CancelAsync();
}
