using Modal.Deployments;

namespace Modal;

/// <summary>What handles have in common: they can be bound to an app.</summary>
public interface IFunctionHandle
{
    /// <summary>The same handle with another target. Used by <see cref="FunctionHandles"/>.</summary>
    /// <param name="target">What it calls.</param>
    IFunctionHandle Bind(FunctionTarget target);

    /// <summary>What it calls now.</summary>
    FunctionTarget Target { get; }
}

/// <summary>Binds handles to deployed apps.</summary>
public static class FunctionHandles
{
    /// <summary>The same handle, whose calls go to a deployed app instead of an app of this process. Parameters, defaults and types are the handle's.</summary>
    /// <typeparam name="THandle">The handle's type, such as the one of <c>Jobs.Remote.Square</c>.</typeparam>
    /// <param name="handle">The handle of a static function. An instance of a service has a method of that name itself.</param>
    /// <param name="app">The name by which it was deployed.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <exception cref="InvalidRequestException">It is a method of a service instance.</exception>
    public static THandle InApp<THandle>(this THandle handle, string app, string? environment = null)
        where THandle : IFunctionHandle
    {
        ArgumentNullException.ThrowIfNull(handle);
        return (THandle)handle.Bind(handle.Target.In(DeployedAppName.Of(app, environment)));
    }
}
