namespace Modal;

/// <summary>
/// Describes the functions of an assembly as JSON, for tools that must not run its code. Written by the generator. A function with an image has its definition as <c>imageSpec</c>: <c>layers</c>,
/// with local files by path and options, not by what is in them; or <c>dynamic</c>, the reason why only the running program knows it.
/// </summary>
/// <param name="json">The manifest; its <c>version</c> member says which shape it has.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class ModalManifestAttribute(string json) : Attribute
{
    /// <summary>The manifest.</summary>
    public string Json { get; } = json;
}
