using System.Runtime.CompilerServices;
using Modal.Deployments;
using Modal.Serialization;

namespace Modal;

/// <summary>Finds functions of deployed apps by their names.</summary>
public static class Function
{
    /// <summary>A function of a deployed app. Nothing is sent before it is called.</summary>
    /// <typeparam name="TArgument">The type of its parameter; a tuple for several, <see cref="Unit"/> for none. The generator makes its codec where it is named.</typeparam>
    /// <typeparam name="TResult">The type of its result; <see cref="Unit"/> for none.</typeparam>
    /// <param name="app">The name by which the app was deployed.</param>
    /// <param name="name">The declaring type's full name and the method, such as <c>Jobs.Square</c>.</param>
    /// <param name="environment">The environment. Null, the default, means that of the variable MODAL_ENVIRONMENT, else <c>main</c>.</param>
    /// <returns>Its handle. Calls throw <see cref="NotFoundException"/> if there is no such app or function.</returns>
    public static Function<TArgument, TResult> FromName<TArgument, TResult>(string app, string name, string? environment = null) =>
        new NamedFunction<TArgument, TResult>(FunctionTarget.Static(name).In(DeployedAppName.Of(app, environment)));

    internal static void Encode<TArgument>(ref PayloadWriter writer, TArgument argument)
    {
        if (typeof(TArgument) == typeof(Unit))
        {
            writer.WriteArrayHeader(0);
            return;
        }

        // A tuple travels as the array that several parameters are.
        if (!typeof(TArgument).IsValueType || !typeof(ITuple).IsAssignableFrom(typeof(TArgument)))
        {
            writer.WriteArrayHeader(1);
        }

        ValueCodec<TArgument>.Write(ref writer, argument);
    }

    internal static TResult Decode<TResult>(ref PayloadReader reader) => ValueCodec<TResult>.Read(ref reader);

    private sealed class NamedFunction<TArgument, TResult>(FunctionTarget target) : Function<TArgument, TResult>(target, Function.Encode, Function.Decode<TResult>);
}
