namespace Modal;

/// <summary>The named object does not exist, or no longer.</summary>
public sealed class NotFoundException : ModalException
{
    internal NotFoundException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
