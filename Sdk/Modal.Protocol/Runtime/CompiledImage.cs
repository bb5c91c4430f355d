namespace Modal.Runtime;

/// <summary>An image's definition as it was when the program was compiled. What the member gives at run time decides; the client compares the two and refuses to go on if they differ.</summary>
/// <param name="member">The member that gives the image, such as <c>Jobs.Python</c>.</param>
/// <param name="layers">The layers as canonical JSON, from the base up. Local files are in it by path; what is in them is known at run time only.</param>
public sealed class CompiledImage(string member, IReadOnlyList<string> layers)
{
    /// <summary>The member that gives the image.</summary>
    public string Member { get; } = member;

    /// <summary>The layers as canonical JSON, from the base up.</summary>
    public IReadOnlyList<string> Layers { get; } = layers;
}
