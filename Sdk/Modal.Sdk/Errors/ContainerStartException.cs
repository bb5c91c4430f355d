namespace Modal;

/// <summary>The function's container did not start: the image, loading the code, the constructor, or <c>[Enter]</c> failed. The inner exception is what user code threw, if it did.</summary>
public sealed class ContainerStartException : ModalException
{
    internal ContainerStartException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
