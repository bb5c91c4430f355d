using Modal.Deployments;

namespace Modal;

/// <summary>What a handle calls: a static function, or a method of one service instance. Made by generated code.</summary>
public sealed class FunctionTarget
{
    private readonly DeployedAppName? _app;

    private FunctionTarget(string name, ServiceInstance? service, DeployedAppName? app = null)
    {
        Name = name;
        Service = service;
        _app = app;
    }

    /// <summary>The declaring type's full name and the method, such as <c>Jobs.Square</c>.</summary>
    public string Name { get; }

    internal ServiceInstance? Service { get; }

    /// <summary>The deployed app that it is in; null means an app of this process.</summary>
    internal DeployedAppName? App => _app ?? Service?.App;

    /// <summary>This, if its containers serve nothing else.</summary>
    /// <exception cref="InvalidRequestException">It is a method of a service.</exception>
    internal FunctionTarget OwnContainers() => Service is null
        ? this
        : throw new InvalidRequestException($"'{Name}' shares its containers with the other methods of '{Service.ServiceName}': call UpdateAutoscalerAsync on the instance, not on the method.");

    /// <summary>The same function in a deployed app.</summary>
    internal FunctionTarget In(DeployedAppName app) => Service is null
        ? new FunctionTarget(Name, null, app)
        : throw new InvalidRequestException($"'{Name}' is a method of a service instance: call InApp on the instance, before it is used.");

    /// <summary>A static function.</summary>
    /// <param name="name">As registered, such as <c>Jobs.Square</c>.</param>
    public static FunctionTarget Static(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new FunctionTarget(name, service: null);
    }

    /// <summary>A method of a service instance.</summary>
    /// <param name="service">The instance.</param>
    /// <param name="name">As registered, such as <c>Demo.Model.Generate</c>.</param>
    public static FunctionTarget Method(ServiceInstance service, string name)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentException.ThrowIfNullOrEmpty(name);
        return new FunctionTarget(name, service);
    }
}
