using Modal.Backend.ControlPlane.Deployments;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Apps;

/// <summary>A deployed app; its key is the app's id, and the grain is the same as that of <see cref="IAppGrain"/>.</summary>
internal interface IDeployedAppGrain : IGrainWithStringKey
{
    /// <summary>Makes a new version of a deployed app and switches to it.</summary>
    Task<DeployOutcome> DeployAsync(Deploying deploying);

    /// <summary>What is needed to call a deployed function; null if there is no such app.</summary>
    Task<LookupOutcome?> LookupAsync(LookingUp looking);

    /// <summary>The current version of a deployed app, which runs from then on if it did not; null if there is none.</summary>
    Task<StoredDeployment?> GetDeploymentAsync();

    /// <summary>Stops a deployed app and forgets it.</summary>
    /// <returns>False if it is not deployed.</returns>
    Task<bool> StopDeployedAsync();
}

/// <param name="Environment">Where.</param>
/// <param name="Request">What is said of the version besides what it is.</param>
/// <param name="Deployment">What it is.</param>
/// <param name="Strategy">How containers are replaced.</param>
/// <param name="RolledBackTo">The version that it repeats; zero if it is new.</param>
[GenerateSerializer, Immutable]
internal sealed record Deploying(
    [property: Id(0)] string Environment, [property: Id(1)] DeployRequest Request, [property: Id(2)] AppDeployment Deployment, [property: Id(3)] DeployStrategy Strategy, [property: Id(4)] long RolledBackTo);

[GenerateSerializer, Immutable]
internal sealed record DeployOutcome([property: Id(0)] long Version, [property: Id(1)] bool IsUnchanged, [property: Id(2)] IReadOnlyList<string> Incompatibilities);

/// <param name="Name">Of a function or service.</param>
/// <param name="ServiceArguments">Null for a static function.</param>
[GenerateSerializer, Immutable]
internal sealed record LookingUp([property: Id(0)] string Name, [property: Id(1)] Payload? ServiceArguments);

/// <param name="Function">Null if the app has none of that name and kind.</param>
/// <param name="Version">The app's version.</param>
/// <param name="Others">What it has instead.</param>
[GenerateSerializer, Immutable]
internal sealed record LookupOutcome([property: Id(0)] FunctionSpec? Function, [property: Id(1)] long Version, [property: Id(2)] IReadOnlyList<string> Others);
