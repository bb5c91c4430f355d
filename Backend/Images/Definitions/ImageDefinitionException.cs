namespace Modal.Backend.Images.Definitions;

/// <summary>A definition that cannot be built. The message is for its author: what is wrong and what to do.</summary>
public sealed class ImageDefinitionException(int layer, string message) : Exception(message)
{
    /// <summary>Position of the layer, from 0.</summary>
    public int Layer { get; } = layer;
}
