namespace Modal;

/// <summary>No worker can ever give what the function asks for; the message says what is lacking. Ask for less or add a worker.</summary>
public sealed class CapacityException : ModalException
{
    internal CapacityException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
