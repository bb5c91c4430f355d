using Modal.Backend.Store.Blobs;
using Modal.Backend.Worker.Blobs;

namespace Modal.Backend.Host.Bridging;

/// <summary>The store of the same process, for a worker beside it: no copy over a connection.</summary>
internal sealed class StoreBlobs(TierBlobs blobs) : IWorkerBlobs
{
    public async Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
    {
        if (!await blobs.ReadAsync(digest, destination.WriteAsync, cancellationToken))
        {
            throw new FileNotFoundException($"There is no blob {digest}.");
        }
    }

    public async Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(bytes.ToArray(), writable: false);
        var result = await blobs.PutAsync(digest, content, cancellationToken);
        if (result is BlobPutResult.DiskFull or BlobPutResult.WrongDigest)
        {
            throw new IOException(result == BlobPutResult.DiskFull ? "the disk is full" : "the bytes do not have the digest they were announced with");
        }
    }
}
