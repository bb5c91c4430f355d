namespace Modal;

/// <summary>An attempt ran longer than the function's timeout and was killed, and no retry was left.</summary>
public sealed class FunctionTimeoutException : ModalException
{
    internal FunctionTimeoutException(string message, string containerId)
        : base(message) => ContainerId = containerId;

    /// <summary>The container it ran in, <c>ta-…</c>.</summary>
    public string ContainerId { get; }
}
