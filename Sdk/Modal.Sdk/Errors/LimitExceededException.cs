namespace Modal;

/// <summary>A limit of the server was reached; its message names it. Trying later may help.</summary>
public sealed class LimitExceededException : ModalException
{
    internal LimitExceededException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
