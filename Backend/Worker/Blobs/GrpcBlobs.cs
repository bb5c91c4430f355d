using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Modal.Backend.Worker.Session;

namespace Modal.Backend.Worker.Blobs;

/// <summary>The server's Blobs service.</summary>
internal sealed class GrpcBlobs(IControlPlaneChannel channel) : IWorkerBlobs
{
    // The protocol's bound of one chunk.
    private const int ChunkBytes = 1024 * 1024;

    private readonly Lazy<Protocol.Blobs.BlobsClient> _client = new(() => new Protocol.Blobs.BlobsClient(channel.CreateCallInvoker()));

    /// <inheritdoc/>
    public async Task ReadAsync(string digest, Stream destination, CancellationToken cancellationToken)
    {
        using var call = _client.Value.Get(new Protocol.GetRequest { Digest = digest }, cancellationToken: cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                hash.AppendData(chunk.Data.Span);
                await destination.WriteAsync(chunk.Data.Memory, cancellationToken);
            }
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            throw new FileNotFoundException($"The server has no blob {digest}.", e);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DataLoss)
        {
            throw new InvalidDataException($"The server has no right bytes of the blob {digest}: {e.Status.Detail}", e);
        }

        if (Convert.ToHexStringLower(hash.GetHashAndReset()) is var actual && actual != digest)
        {
            throw new InvalidDataException($"The blob {digest} arrived with the digest {actual}.");
        }
    }

    /// <inheritdoc/>
    public async Task WriteAsync(string digest, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var call = _client.Value.Put(cancellationToken: cancellationToken);
        for (var at = 0; at < bytes.Length; at += ChunkBytes)
        {
            await call.RequestStream.WriteAsync(
                new Protocol.BlobChunk { Digest = at == 0 ? digest : "", Data = UnsafeByteOperations.UnsafeWrap(bytes.Slice(at, Math.Min(ChunkBytes, bytes.Length - at))) },
                cancellationToken);
        }

        await call.RequestStream.CompleteAsync();
        await call;
    }
}
