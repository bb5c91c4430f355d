using Modal.Names;

namespace Modal.Deployments;

/// <summary>Which deployed app is meant.</summary>
internal sealed record DeployedAppName(string Environment, string Name)
{
    public string AppId => Protocol.Id.DeployedApp(Environment, Name);

    /// <param name="name">The app.</param>
    /// <param name="environment">Null means that of MODAL_ENVIRONMENT, else <c>main</c>.</param>
    public static DeployedAppName Of(string name, string? environment)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new DeployedAppName(EnvironmentName.Resolve(environment) is { Length: > 0 } set ? set : "main", name);
    }
}
