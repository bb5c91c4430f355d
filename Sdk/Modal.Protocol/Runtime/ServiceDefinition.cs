namespace Modal.Runtime;

/// <summary>A <c>[Service]</c> class as generated code registers it.</summary>
public sealed class ServiceDefinition
{
    /// <summary>Full name of the class, such as <c>Demo.Model</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Simple name of the assembly it is in, without <c>.dll</c>: what the runner loads.</summary>
    public required string Assembly { get; init; }

    /// <summary>Makes an instance from the encoded constructor arguments (a MessagePack array in the order of the parameters).</summary>
    public required Func<ReadOnlyMemory<byte>, object> Create { get; init; }

    /// <summary>Its <c>[Function]</c> methods in the order of declaration; their names are <c>Class.Method</c>.</summary>
    public required IReadOnlyList<FunctionDefinition> Functions { get; init; }

    /// <summary><c>[Enter]</c> methods in the order of declaration, base classes first.</summary>
    public IReadOnlyList<LifecycleHook> Enter { get; init; } = [];

    /// <summary><c>[Exit]</c> methods in the order of declaration.</summary>
    public IReadOnlyList<LifecycleHook> Exit { get; init; } = [];

    /// <summary>Options of the <c>[Service]</c> attribute.</summary>
    public FunctionOptions Options { get; init; } = FunctionOptions.Default;

    /// <summary>As <see cref="FunctionDefinition.ClusterSize"/>.</summary>
    public int ClusterSize { get; init; }

    /// <summary>As <see cref="FunctionDefinition.Image"/>.</summary>
    public Func<object?>? Image { get; init; }

    /// <summary>As <see cref="FunctionDefinition.CompiledImage"/>.</summary>
    public CompiledImage? CompiledImage { get; init; }

    /// <summary>Evaluates to the SDK's <c>Secret</c> objects. Called on the client only, at most once per app. Null, the default, means none.</summary>
    public Func<IReadOnlyList<object?>>? Secrets { get; init; }

    /// <summary>As <see cref="FunctionDefinition.Volumes"/>.</summary>
    public IReadOnlyList<VolumeBinding> Volumes { get; init; } = [];
}
