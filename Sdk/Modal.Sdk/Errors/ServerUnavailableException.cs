namespace Modal;

/// <summary>The server cannot be reached, or could not be started. Unfinished calls may or may not have run.</summary>
public sealed class ServerUnavailableException : ModalException
{
    internal ServerUnavailableException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
