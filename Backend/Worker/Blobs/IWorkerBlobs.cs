namespace Modal.Backend.Worker.Blobs;

/// <summary>
/// Where a worker gets code files and large payloads, and puts large results. By default the server's Blobs service; a host that runs server and worker in one process
/// registers one that reads the store directly. Safe for many threads.
/// </summary>
public interface IWorkerBlobs
{
    /// <summary>Copies a blob's bytes and checks them on their way.</summary>
    /// <param name="digest">Lower-case hexadecimal SHA-256.</param>
    /// <param name="destination">Gets the bytes. They are right once this has returned; what it got before this throws is worth nothing.</param>
    /// <param name="cancellationToken">Stops the copy.</param>
    /// <exception cref="InvalidDataException">The bytes that came do not have the digest.</exception>
    /// <exception cref="FileNotFoundException">It is not stored.</exception>
    Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken);

    /// <summary>Stores bytes.</summary>
    /// <param name="digest">Their lower-case hexadecimal SHA-256.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="cancellationToken">Stops the storing.</param>
    Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);
}
