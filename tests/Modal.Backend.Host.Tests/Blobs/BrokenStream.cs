namespace Modal.Backend.Host.Tests.Blobs;

/// <summary>Gives some bytes and then fails.</summary>
internal sealed class BrokenStream(int length) : MemoryStream(new byte[length], writable: false)
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        await base.ReadAsync(buffer, cancellationToken) is var read and > 0 ? read : throw new InvalidDataException("the source broke");
}
