using Modal.Backend.ControlPlane.Placing;
using Modal.Protocol;
using Orleans.Concurrency;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>The one owner of a function's state; its key is the function's id. Messages are handed over: whoever sent one must not change it afterwards.</summary>
internal interface IFunctionGrain : IGrainWithStringKey
{
    Task ConfigureAsync(FunctionConfiguration configuration);

    /// <param name="appId">The app it must belong to.</param>
    /// <param name="streamId">The stream.</param>
    /// <param name="connectionId">Who carries it from now on.</param>
    /// <param name="lastSeq">The last result that the other end has.</param>
    /// <param name="fromContainer">Code in a container opens it: what the function prints is for the app's client.</param>
    Task<OpenStreamResult> OpenStreamAsync(string appId, string streamId, string connectionId, ulong lastSeq, bool fromContainer);

    Task OnClientAsync(ClientBatch batch);

    Task OnStreamLostAsync(string streamId, string connectionId);

    /// <summary>Nobody will open the stream again: its inputs are cancelled.</summary>
    Task CloseStreamAsync(string streamId);

    Task OnWorkerAsync(WorkerBatch batch);

    Task OnWorkerLostAsync(string workerSession);

    /// <summary>News of containers, in order. The same may come again.</summary>
    Task OnPlacementAsync(PlacementNotices news);

    /// <summary>Others wait for room: see <see cref="FunctionCore.ReleaseIdle"/>.</summary>
    [OneWay]
    Task ReleaseIdleAsync();

    /// <summary>Cancels its detached calls and stops everything; the app is told when no container is left.</summary>
    Task StopAsync(string reason);

    /// <summary>The app does not have the function any more: what it has to do is finished, then it stops as by <see cref="StopAsync"/>.</summary>
    Task RetireAsync(string reason);

    Task WakeAsync();

    Task<StatusSnapshot> GetStatusAsync();

    /// <summary>Other bounds of scaling, until the function is configured with another definition or code.</summary>
    /// <returns>What is in force now; null if the app does not have the function.</returns>
    Task<ScalingOutcome?> UpdateAutoscalerAsync(string appId, ScalingChange change);
}

/// <summary>What came of opening a stream.</summary>
internal enum OpenStreamResult
{
    /// <summary>The app has no such function.</summary>
    UnknownFunction,

    /// <summary>Nothing was known under the stream's id.</summary>
    Opened,

    /// <summary>The stream goes on where it was.</summary>
    Resumed,
}

[GenerateSerializer, Immutable]
internal sealed record FunctionConfiguration([property: Id(0)] string AppId, [property: Id(1)] FunctionSpec Spec, [property: Id(2)] CodeVersion Code, [property: Id(3)] bool IsRolling = true);

[GenerateSerializer, Immutable]
internal sealed record ClientBatch([property: Id(0)] string StreamId, [property: Id(1)] string ConnectionId, [property: Id(2)] IReadOnlyList<CallRequest> Requests);

[GenerateSerializer, Immutable]
internal sealed record WorkerBatch([property: Id(0)] string WorkerSession, [property: Id(1)] IReadOnlyList<WorkerMessage> Messages);

[GenerateSerializer, Immutable]
internal sealed record StatusSnapshot([property: Id(0)] FunctionStatus Status);

[GenerateSerializer, Immutable]
internal sealed record ScalingChange([property: Id(0)] ScalingSettings Settings);

/// <param name="Effective">What is in force now.</param>
/// <param name="Fault">Why nothing was changed; empty if it was.</param>
[GenerateSerializer, Immutable]
internal sealed record ScalingOutcome([property: Id(0)] ScalingSettings Effective, [property: Id(1)] string Fault);
