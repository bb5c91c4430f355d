using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Blobs;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The store over gRPC.</summary>
internal sealed class BlobService(BlobStore store, ILogger<BlobService> logger) : Protocol.Blobs.BlobsBase
{
    private const int MaxDigests = 10_000;
    private const int ChunkBytes = 512 * 1024;

    public override Task<FindMissingReply> FindMissing(FindMissingRequest request, ServerCallContext context)
    {
        if (request.Digests.Count > MaxDigests)
        {
            throw Invalid($"{request.Digests.Count} digests were asked for; {MaxDigests} at a time are allowed.");
        }

        foreach (var digest in request.Digests)
        {
            Check(digest);
        }

        return Task.FromResult(new FindMissingReply { Digests = { store.FindMissing(request.Digests) } });
    }

    public override async Task<PutReply> Put(IAsyncStreamReader<BlobChunk> requests, ServerCallContext context)
    {
        if (!await requests.MoveNext(context.CancellationToken))
        {
            throw Invalid("A blob was announced, but no chunk came.");
        }

        var digest = requests.Current.Digest;
        Check(digest);
        await using var content = new ChunkStream(requests);
        switch (await store.PutAsync(digest, content, context.CancellationToken))
        {
            case BlobPutResult.WrongDigest:
                logger.BlobRefused(digest, "its bytes have another digest");
                throw Invalid($"The bytes sent for the blob {digest} do not have that SHA-256: they were damaged on the way, or the file changed while it was read. Try again.");
            case BlobPutResult.DiskFull:
                logger.BlobRefused(digest, "the disk is full");
                throw new RpcException(new Status(StatusCode.ResourceExhausted, "The server's disk is full: the blob was not stored. Free space on it and try again."));
            case BlobPutResult.Existed:
                // To the end: an answer before it breaks off the sender, who is still writing.
                await content.CopyToAsync(Stream.Null, context.CancellationToken);
                return new PutReply { Stored = false };
            default:
                return new PutReply { Stored = true };
        }
    }

    public override async Task Get(GetRequest request, IServerStreamWriter<BlobChunk> responses, ServerCallContext context)
    {
        Check(request.Digest);
        await using var content = store.OpenRead(request.Digest) ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no blob {request.Digest}."));
        while (true)
        {
            // A buffer of its own for each chunk: gRPC may keep it until it is written.
            var buffer = new byte[Math.Min(ChunkBytes, Math.Max(1, content.Length - content.Position))];
            var length = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, context.CancellationToken);
            if (length == 0)
            {
                return;
            }

            await responses.WriteAsync(new BlobChunk { Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)) });
        }
    }

    private static void Check(string digest)
    {
        if (!BlobDigest.IsValid(digest))
        {
            throw Invalid($"'{digest}' is not a digest: 64 lower-case hexadecimal letters are.");
        }
    }

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));
}
