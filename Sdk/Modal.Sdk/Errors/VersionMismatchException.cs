namespace Modal;

/// <summary>The client and the server are of versions that cannot work together; the message says which to update.</summary>
public sealed class VersionMismatchException : ModalException
{
    internal VersionMismatchException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
