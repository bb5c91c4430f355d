using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.Worker.Blobs;

/// <summary>
/// Reads blobs from the worker's own way to the store and asks the server for those that are not there. Writes go to the server: only it knows that it reads the same store.
/// </summary>
internal sealed class StoreFirstBlobs(TierBlobs store, IWorkerBlobs server) : IWorkerBlobs
{
    /// <inheritdoc/>
    public async Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
    {
        var hasBegun = false;
        try
        {
            var isThere = await store.ReadAsync(
                digest,
                (piece, token) =>
                {
                    hasBegun = true;
                    return destination.WriteAsync(piece, token);
                },
                cancellationToken);
            if (isThere)
            {
                return;
            }
        }
        catch (TierException) when (!hasBegun)
        {
            // The server may be able to reach what this machine cannot.
        }

        await server.ReadAsync(digest, destination, cancellationToken);
    }

    /// <inheritdoc/>
    public Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => server.WriteAsync(digest, bytes, cancellationToken);
}
