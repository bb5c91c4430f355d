namespace Modal;

/// <summary>What a step of an image's build gets beside its commands.</summary>
public class BuildOptions
{
    /// <summary>Secrets whose variables the step sees. Their names belong to the layer's definition and their values do not: a new value builds nothing anew. Default none.</summary>
    public IReadOnlyList<Secret> Secrets { get; init; } = [];

    /// <summary>GPU and count, such as <c>H100</c> or <c>A100:2</c>, for steps that compile for it. Null, the default, means none.</summary>
    public string? Gpu { get; init; }
}
