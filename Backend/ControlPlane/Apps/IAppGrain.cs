using Modal.Backend.ControlPlane.Calls;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Apps;

/// <summary>The life of one ephemeral app; its key is the app's id.</summary>
internal interface IAppGrain : IGrainWithStringKey
{
    /// <summary>Opens the app or joins it again.</summary>
    /// <returns>False if it is being stopped.</returns>
    Task<bool> OpenAsync(AppOpening opening);

    Task AddFunctionsAsync(FunctionList functions);

    /// <summary>Which of these it does not have.</summary>
    /// <returns>Null if it does not run.</returns>
    Task<IReadOnlyList<string>?> FindMissingFunctionsAsync(IReadOnlyList<string> functionIds);

    /// <summary>Adds those that it does not have.</summary>
    /// <returns>False if it does not run.</returns>
    Task<bool> AddMissingFunctionsAsync(FunctionList functions);

    /// <summary>The connection broke: the app stops after the grace time unless it is opened again.</summary>
    Task OnLostAsync(string connectionId);

    /// <summary>Stops the app; its stream ends when no container is left.</summary>
    Task CloseAsync(string reason);

    /// <summary>The client is done with the app: it is stopped when no function holds it any more.</summary>
    Task LeaveAsync(string reason);

    /// <summary>A function has detached calls: the app goes on without its client until it is released.</summary>
    /// <returns>False if the app is being stopped.</returns>
    Task<bool> HoldAsync(string functionId);

    /// <summary>The function has no detached calls any more.</summary>
    Task ReleaseAsync(string functionId);

    /// <summary>Runs the app again for the detached calls of its functions, which an earlier process of the server left.</summary>
    Task RestoreAsync(StoredFunctions functions);

    Task<string> GetNameAsync();

    Task OnFunctionStoppedAsync(string functionId);

    Task WakeAsync();

    Task<AppSnapshot> GetStatusAsync();

    /// <summary>Digests of the blobs that the app and its functions name.</summary>
    Task<IReadOnlyList<string>> ListBlobsAsync();
}

/// <summary>Which apps run.</summary>
internal interface IAppDirectoryGrain : IGrainWithIntegerKey
{
    Task AddAsync(string appId);

    Task RemoveAsync(string appId);

    Task<IReadOnlyList<string>> ListAsync();

    /// <summary>Whether the app is lost if the server stops: it has a client, and is neither deployed nor only held by detached calls.</summary>
    Task SetAttachedAsync(string appId, bool isAttached);

    /// <summary>How many apps are lost if the server stops.</summary>
    Task<int> CountAttachedAsync();
}

[GenerateSerializer, Immutable]
internal sealed record AppOpening([property: Id(0)] string ConnectionId, [property: Id(1)] OpenApp App);

[GenerateSerializer, Immutable]
internal sealed record FunctionList([property: Id(0)] IReadOnlyList<FunctionSpec> Functions);

[GenerateSerializer, Immutable]
internal sealed record AppSnapshot([property: Id(0)] AppStatus Status);
