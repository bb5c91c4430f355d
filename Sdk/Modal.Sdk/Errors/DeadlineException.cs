namespace Modal;

/// <summary>The server did not answer in time. This is about the connection; a function that ran too long raises <see cref="FunctionTimeoutException"/>.</summary>
public sealed class DeadlineException : ModalException
{
    internal DeadlineException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
