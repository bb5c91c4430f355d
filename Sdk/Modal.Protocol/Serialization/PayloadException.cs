namespace Modal.Serialization;

/// <summary>Bytes that do not hold what the signature says, or a value that cannot be encoded.</summary>
public sealed class PayloadException : Exception
{
    /// <summary>With a message that says what was found and what was expected.</summary>
    public PayloadException(string message)
        : base(message)
    {
    }

    /// <summary>With the fault that led to it.</summary>
    public PayloadException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Without a message; exists because exception types are expected to have it.</summary>
    public PayloadException()
    {
    }
}
