namespace Modal.Backend.Store.Objects;

/// <summary>A tier could not do what it was asked. What is wrong and where is in the message; trying again may help.</summary>
public sealed class TierException : IOException
{
    // EDQUOT is what a full quota says; to the caller it is the same as a full disk.
    private const int ErrorNoSpace = 28;
    private const int ErrorQuota = 122;

    /// <summary>With a sentence that names the tier and the object.</summary>
    public TierException(string message)
        : base(message)
    {
    }

    /// <summary>With a sentence that names the tier and the object, and its cause.</summary>
    public TierException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether there is no room for what was to be stored, so that trying again helps only after something was removed. Default false.</summary>
    public bool IsFull { get; init; }

    /// <summary>Whether an error says that a disk or a quota is full.</summary>
    internal static bool SaysFull(Exception error) => (error.HResult & 0xFFFF) is ErrorNoSpace or ErrorQuota;
}
