using Modal.Backend.Store.Objects;

namespace Modal.Backend.Images.Layers.Archives;

/// <summary>The data of one entry.</summary>
internal sealed class EntryStream(Stream archive, long sizeBytes, string name) : ReadOnlyStream
{
    public long Remaining { get; private set; } = sizeBytes;

    public override int Read(Span<byte> buffer) => Count(archive.Read(buffer[..Limit(buffer.Length)]), buffer.Length);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await archive.ReadAsync(buffer[..Limit(buffer.Length)], cancellationToken), buffer.Length);

    private int Limit(int wanted) => (int)Math.Min(wanted, Remaining);

    private int Count(int read, int wanted)
    {
        if (read == 0 && wanted > 0 && Remaining > 0)
        {
            throw new LayerException($"The archive is cut off: {Remaining:N0} bytes of '{name}' are missing.");
        }

        Remaining -= read;
        return read;
    }
}
