namespace Modal.Backend.Store.Blobs;

/// <summary>The name of a blob: the lower-case hexadecimal SHA-256 of its bytes.</summary>
public static class BlobDigest
{
    /// <summary>Letters of a digest.</summary>
    public const int Length = 64;

    private static readonly System.Buffers.SearchValues<char> s_letters = System.Buffers.SearchValues.Create("0123456789abcdef");

    /// <summary>Whether the text can be a digest. Nothing else ever becomes part of a path.</summary>
    /// <param name="digest">Any text; null is not valid.</param>
    public static bool IsValid([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] string? digest) =>
        digest is { Length: Length } && digest.AsSpan().IndexOfAnyExcept(s_letters) < 0;
}
