namespace Modal.Backend.Images.Building;

/// <summary>Where the bytes of a definition's local files come from.</summary>
public interface IBlobSource
{
    /// <summary>The bytes of a blob, whose digest was checked.</summary>
    /// <param name="digest">64 lower-case hexadecimal letters.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FileNotFoundException">It is not stored.</exception>
    Task<Stream> OpenAsync(string digest, CancellationToken cancellationToken);
}
