namespace Modal;

/// <summary>An argument or a result could not be encoded or decoded.</summary>
public sealed class PayloadSerializationException : ModalException
{
    internal PayloadSerializationException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
