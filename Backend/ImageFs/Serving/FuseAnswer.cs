namespace Modal.Backend.ImageFs.Serving;

/// <summary>Answers that are neither a length nor an errno.</summary>
internal static class FuseAnswer
{
    /// <summary>The kernel expects none.</summary>
    public const int None = int.MinValue;

    /// <summary>It was given to <see cref="FuseReplies.ReadLater"/>.</summary>
    public const int Later = int.MinValue + 1;
}
