using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Layers;

/// <summary>
/// The content of an archive, which is refused as soon as it is too many times longer than what was read of the archive. Headers, padding and entries without a
/// place in an image count as files do, and a file is refused while it is read, not once it has filled a disk.
/// </summary>
internal sealed class BombGuard(Stream content, CountingStream archive, LayerLimits limits) : ReadOnlyStream
{
    // Below this nothing is called a bomb: small archives of zeros are common.
    private const long FromBytes = 1L << 30;

    private long _bytes;

    /// <summary>Refuses content that is not in the archive, such as the holes of sparse files.</summary>
    /// <exception cref="LayerException">It is a bomb.</exception>
    public void Add(long bytes)
    {
        _bytes += bytes;
        if (_bytes > FromBytes && _bytes / limits.MaxRatio > archive.Count)
        {
            throw new LayerException($"The archive is more than {limits.MaxRatio} times smaller than its content: it is taken for a decompression bomb.");
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var read = content.Read(buffer);
        Add(read);
        return read;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await content.ReadAsync(buffer, cancellationToken);
        Add(read);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
        }

        base.Dispose(disposing);
    }
}
