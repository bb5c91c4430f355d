using Modal.Backend.Store.Blobs;
using Modal.Backend.Worker.Blobs;

namespace Modal.Backend.Host.Bridging;

/// <summary>The store of the same process, for a worker beside it: no copy over a connection.</summary>
internal sealed class StoreBlobs(BlobStore store) : IWorkerBlobs
{
    public async Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
    {
        await using var content = store.OpenRead(digest) ?? throw new FileNotFoundException($"There is no blob {digest}.");
        await content.CopyToAsync(destination, cancellationToken);
    }

    public async Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream(bytes.ToArray(), writable: false);
        var result = await store.PutAsync(digest, content, cancellationToken);
        if (result is BlobPutResult.DiskFull or BlobPutResult.WrongDigest)
        {
            throw new IOException(result == BlobPutResult.DiskFull ? "the disk is full" : "the bytes do not have the digest they were announced with");
        }
    }
}
