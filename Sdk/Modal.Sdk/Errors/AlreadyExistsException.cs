namespace Modal;

/// <summary>An object of that name exists already.</summary>
public sealed class AlreadyExistsException : ModalException
{
    internal AlreadyExistsException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
