namespace Modal.Backend.Images.Layers;

/// <summary>An archive cannot be made a part of an image. The message names the entry and says why.</summary>
public sealed class LayerException : Exception
{
    /// <summary>With that message.</summary>
    public LayerException(string message)
        : base(message)
    {
    }

    /// <summary>With that message and cause.</summary>
    public LayerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
