using Modal.Backend.Store.Indexes;

namespace Modal.Backend.Store.Chunks;

/// <summary>The bytes of images' files, wherever they are. All that it gives was verified. Safe from many threads.</summary>
public interface IContent
{
    /// <summary>Reads without waiting, which works if the bytes are on this machine.</summary>
    /// <param name="index">The image.</param>
    /// <param name="blob">Number of the file's content in the index.</param>
    /// <param name="offset">Where to begin, from 0.</param>
    /// <param name="destination">Filled as far as the file goes.</param>
    /// <returns>The number of bytes; -1 if some are not here, and nothing useful was written.</returns>
    int TryRead(ImageIndex index, int blob, long offset, Span<byte> destination);

    /// <summary>Reads, fetching what is not here: the chunks asked for first, then, unasked, the rest of the file.</summary>
    /// <exception cref="IOException">They cannot be had, or have the wrong digest wherever they were asked for.</exception>
    ValueTask<int> ReadAsync(ImageIndex index, int blob, long offset, Memory<byte> destination, CancellationToken cancellationToken);

    /// <summary>Fetches chunks that will be needed, in this order, several at once. Ends when all are here; those that cannot be had are left out.</summary>
    /// <param name="index">The image.</param>
    /// <param name="chunks">Numbers of chunks in the index.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task PrefetchAsync(ImageIndex index, IReadOnlyList<int> chunks, CancellationToken cancellationToken);

    /// <summary>The file of this machine that holds all the bytes of a large content, at offset 0, and nothing else; null if there is none, as it is small or not complete.</summary>
    string? CompleteFile(ImageIndex index, int blob);

    /// <summary>Keeps the image's content from eviction until the result is disposed of.</summary>
    IDisposable Pin(ImageIndex index);
}
