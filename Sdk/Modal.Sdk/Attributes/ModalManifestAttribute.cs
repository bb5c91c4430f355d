namespace Modal;

/// <summary>Describes the functions of an assembly as JSON, for tools that must not run its code. Written by the generator.</summary>
/// <param name="json">The manifest; its <c>version</c> member says which shape it has.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class ModalManifestAttribute(string json) : Attribute
{
    /// <summary>The manifest.</summary>
    public string Json { get; } = json;
}
