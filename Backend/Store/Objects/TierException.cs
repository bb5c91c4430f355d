namespace Modal.Backend.Store.Objects;

/// <summary>A tier could not do what it was asked. What is wrong and where is in the message; trying again may help.</summary>
public sealed class TierException : IOException
{
    /// <summary>With a sentence that names the tier and the object.</summary>
    public TierException(string message)
        : base(message)
    {
    }

    /// <summary>With a sentence that names the tier and the object, and its cause.</summary>
    public TierException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
