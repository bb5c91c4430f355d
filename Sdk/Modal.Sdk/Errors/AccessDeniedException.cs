namespace Modal;

/// <summary>The caller is not known to the server or may not do this.</summary>
public sealed class AccessDeniedException : ModalException
{
    internal AccessDeniedException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
