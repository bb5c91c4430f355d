using Modal.Backend.Images.Building;
using Modal.Backend.Store.Objects;
using Modal.Backend.Worker.Blobs;

namespace Modal.Backend.Worker.Images;

/// <summary>Local files of definitions, from where the worker gets all blobs.</summary>
internal sealed class WorkerBlobSource(IWorkerBlobs blobs) : IBlobSource
{
    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(string digest, CancellationToken cancellationToken)
    {
        var file = SpoolFile.Create();
        try
        {
            await blobs.ReadAsync(digest, file, cancellationToken);
            file.Position = 0;
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }
}
