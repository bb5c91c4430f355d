namespace Modal;

/// <summary>Root of every error this library raises on purpose. The leaves say what the caller can do about it; facts are properties, not only text.</summary>
public abstract class ModalException : Exception
{
    private protected ModalException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
