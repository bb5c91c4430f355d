using Modal.Deployments;

namespace Modal;

/// <summary>Finds services of deployed apps by their names.</summary>
public static class Service
{
    /// <summary>An instance of a service of a deployed app. Nothing is sent before it is used.</summary>
    /// <typeparam name="TArguments">The type of the constructor's parameter; a tuple for several, <see cref="Unit"/> for none. The generator makes its codec where it is named.</typeparam>
    /// <param name="app">The name by which the app was deployed.</param>
    /// <param name="name">Full name of the service's class.</param>
    /// <param name="arguments">The constructor's arguments: each distinct set has containers of its own.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    public static DeployedService FromName<TArguments>(string app, string name, TArguments arguments, string? environment = null) =>
        new(name, Payloads.Encode(Function.Encode, arguments, name), DeployedAppName.Of(app, environment));
}

/// <summary>An instance of a service of a deployed app.</summary>
public sealed class DeployedService : ServiceInstance
{
    internal DeployedService(string name, byte[] arguments, DeployedAppName app)
        : base(name, arguments) => App = app;

    /// <summary>One of its functions. Nothing is sent before it is called.</summary>
    /// <typeparam name="TArgument">The type of its parameter; a tuple for several, <see cref="Unit"/> for none. The generator makes its codec where it is named.</typeparam>
    /// <typeparam name="TResult">The type of its result; <see cref="Unit"/> for none.</typeparam>
    /// <param name="method">The method's name, such as <c>Generate</c>.</param>
    public Function<TArgument, TResult> Function<TArgument, TResult>(string method)
    {
        ArgumentException.ThrowIfNullOrEmpty(method);
        return new Method<TArgument, TResult>(FunctionTarget.Method(this, $"{ServiceName}.{method}"));
    }

    private sealed class Method<TArgument, TResult>(FunctionTarget target) : Function<TArgument, TResult>(target, Modal.Function.Encode, Modal.Function.Decode<TResult>);
}
