namespace Modal.Runtime;

/// <summary>
/// One <c>[Function]</c> method as generated code registers it: what the client needs to describe it and what the runner needs to run it.
/// Only types of the base class library appear, because the runner and the user's code load this assembly once and everything else apart.
/// </summary>
public sealed class FunctionDefinition
{
    /// <summary>The declaring type's full name and the method, such as <c>Jobs.Square</c>; unique in an app.</summary>
    public required string Name { get; init; }

    /// <summary>Simple name of the assembly it is in, without <c>.dll</c>: what the runner loads.</summary>
    public required string Assembly { get; init; }

    /// <summary>Runs the method: decodes the arguments, calls it, encodes the result.</summary>
    public required FunctionInvoker Invoke { get; init; }

    /// <summary>Gives the SDK's decoder of the result, for a call that is found by its id alone. Null for a function without a result or with a stream of them. Called on the client only.</summary>
    public Func<object>? Decoder { get; init; }

    /// <summary>Options of the attribute; a service's methods share those of <see cref="ServiceDefinition.Options"/> and leave this at its defaults.</summary>
    public FunctionOptions Options { get; init; } = FunctionOptions.Default;

    /// <summary>Evaluates to the SDK's <c>Image</c>, or null for the standard base. Called on the client only, at most once per app.</summary>
    public Func<object?>? Image { get; init; }

    /// <summary>What <see cref="Image"/> was when the program was compiled. Null if there is none, or if it was not constant.</summary>
    public CompiledImage? CompiledImage { get; init; }

    /// <summary>Evaluates to the SDK's <c>Secret</c> objects. Called on the client only, at most once per app. Null, the default, means none.</summary>
    public Func<IReadOnlyList<object?>>? Secrets { get; init; }

    /// <summary>Volumes that its containers have.</summary>
    public IReadOnlyList<VolumeBinding> Volumes { get; init; } = [];

    /// <summary>The method returns <c>IAsyncEnumerable&lt;T&gt;</c>: it answers with yields and then done.</summary>
    public bool IsStreaming { get; init; }

    /// <summary>Most inputs that one call of the method takes; 0, the default, means that each input is a call.</summary>
    public int BatchMaxSize { get; init; }

    /// <summary>Milliseconds that the first input of a batch waits for others; 0, the default, takes what waits already.</summary>
    public int BatchWaitMs { get; init; }

    /// <summary>Containers that take each input together, 2 to 64; 0, the default, means that each is by itself. Of a service's method always 0: <see cref="ServiceDefinition.ClusterSize"/> counts.</summary>
    public int ClusterSize { get; init; }
}
