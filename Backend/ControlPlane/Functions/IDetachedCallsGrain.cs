using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <summary>A function's detached calls; its key is the function's id, and the grain is the same as that of <see cref="IFunctionGrain"/>.</summary>
internal interface IDetachedCallsGrain : IGrainWithStringKey
{
    /// <summary>Stores inputs of detached calls and begins to work on them.</summary>
    Task<PutCallsOutcome> PutCallsAsync(CallParts request);

    /// <summary>Cancels what has no result yet.</summary>
    /// <returns>False if the call is finished or not known.</returns>
    Task<bool> CancelCallAsync(string callId, bool terminateContainers);

    /// <summary>Returns when the call has results after that number, is finished, is not known, or some time has passed.</summary>
    /// <returns>Whether it is known, which it is while it is not finished.</returns>
    Task<bool> WaitCallAsync(string callId, ulong after);

    /// <summary>How many inputs of the call are in a container.</summary>
    Task<int> CountRunningAsync(string callId);
}

[GenerateSerializer, Immutable]
internal sealed record CallParts([property: Id(0)] string AppId, [property: Id(1)] IReadOnlyList<CallPart> Parts);

/// <summary>What came of storing inputs of detached calls.</summary>
internal enum PutCallsOutcome
{
    /// <summary>They are on disk.</summary>
    Stored,

    /// <summary>The app has no such function, or is being stopped.</summary>
    UnknownFunction,

    /// <summary>The function has as many inputs waiting as it may.</summary>
    TooMany,

    /// <summary>Inputs before these were not sent.</summary>
    Gap,
}
