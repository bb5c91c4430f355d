namespace Modal;

/// <summary>The server refused the request as wrong: change it before trying again.</summary>
public sealed class InvalidRequestException : ModalException
{
    internal InvalidRequestException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
