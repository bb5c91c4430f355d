namespace Modal.Runtime;

/// <summary>A volume at a path of a function's containers, as generated code registers it.</summary>
/// <param name="path">Absolute, such as <c>/data</c>.</param>
/// <param name="read">Evaluates to the SDK's <c>Volume</c>. Called on the client only.</param>
public sealed class VolumeBinding(string path, Func<object?> read)
{
    /// <summary>Where it is.</summary>
    public string Path { get; } = path;

    /// <summary>Gives the volume.</summary>
    public Func<object?> Read { get; } = read;
}
