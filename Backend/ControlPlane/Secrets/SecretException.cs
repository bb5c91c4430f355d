namespace Modal.Backend.ControlPlane.Secrets;

/// <summary>A secret cannot be had; the message is for who asked for it, and has no values in it.</summary>
[GenerateSerializer]
internal sealed class SecretException : Exception
{
    public SecretException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>There is none of that name.</summary>
    [Id(0)]
    public bool IsMissing { get; init; }
}
