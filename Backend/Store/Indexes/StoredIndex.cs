using ZstdNet;

namespace Modal.Backend.Store.Indexes;

/// <summary>An index as it lies in a store: one zstd frame, a third of its size, because every worker fetches it before a first start.</summary>
public static class StoredIndex
{
    // Of the largest index that could be: a frame that says more is refused before memory is taken for it.
    private const long MaxBytes = 2_000_000_000;

    /// <summary>The bytes to store.</summary>
    /// <param name="index">The index.</param>
    public static byte[] Write(ImageIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        using var compressor = new Compressor();
        return compressor.Wrap(index.Bytes.Span);
    }

    /// <summary>The index's own bytes, not checked any further.</summary>
    /// <param name="stored">What was stored.</param>
    /// <exception cref="InvalidDataException">It is no whole frame.</exception>
    public static byte[] Read(ReadOnlySpan<byte> stored)
    {
        try
        {
            if (Decompressor.GetDecompressedSize(stored) > MaxBytes)
            {
                throw new InvalidDataException($"The index would have more than {MaxBytes} bytes.");
            }

            using var decompressor = new Decompressor();
            return decompressor.Unwrap(stored, (int)MaxBytes);
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException($"The index is no zstd frame: {e.Message}", e);
        }
    }
}
