using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Blobs;
using Modal.Backend.Store.Objects;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The blobs of the store over gRPC.</summary>
internal sealed class BlobService(TierBlobs blobs, ILogger<BlobService> logger) : Protocol.Blobs.BlobsBase
{
    private const int MaxDigests = 10_000;
    private const int ChunkBytes = 512 * 1024;

    public override Task<FindMissingReply> FindMissing(FindMissingRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        if (request.Digests.Count > MaxDigests)
        {
            throw Invalid($"{request.Digests.Count} digests were asked for; {MaxDigests} at a time are allowed.");
        }

        foreach (var digest in request.Digests)
        {
            Check(digest);
        }

        return new FindMissingReply { Digests = { await blobs.FindMissingAsync(request.Digests, context.CancellationToken) } };
    });

    public override Task<PutReply> Put(IAsyncStreamReader<BlobChunk> requests, ServerCallContext context) => Guard(context, async () =>
    {
        if (!await requests.MoveNext(context.CancellationToken))
        {
            throw Invalid("A blob was announced, but no chunk came.");
        }

        var digest = requests.Current.Digest;
        Check(digest);
        await using var content = new ChunkStream(requests);
        BlobPutResult result;
        try
        {
            result = await blobs.PutAsync(digest, content, context.CancellationToken);
        }
        catch (TierException)
        {
            await EndAsync(content, context);
            throw;
        }

        await EndAsync(content, context);
        switch (result)
        {
            case BlobPutResult.WrongDigest:
                logger.BlobRefused(digest, "its bytes have another digest");
                throw Invalid($"The bytes sent for the blob {digest} do not have that SHA-256: they were damaged on the way, or the file changed while it was read. Try again.");
            case BlobPutResult.DiskFull:
                logger.BlobRefused(digest, "the disk is full");
                throw new RpcException(new Status(StatusCode.ResourceExhausted, "The server's disk is full: the blob was not stored. Free space on it and try again."));
            default:
                return new PutReply { Stored = result == BlobPutResult.Stored };
        }
    });

    public override Task Get(GetRequest request, IServerStreamWriter<BlobChunk> responses, ServerCallContext context) => Guard(context, async () =>
    {
        Check(request.Digest);
        var isThere = await blobs.ReadAsync(
            request.Digest,
            async (piece, token) =>
            {
                for (var at = 0; at < piece.Length; at += ChunkBytes)
                {
                    // A copy: gRPC gives no promise when it is done with the bytes.
                    await responses.WriteAsync(new BlobChunk { Data = ByteString.CopyFrom(piece.Span.Slice(at, Math.Min(ChunkBytes, piece.Length - at))) }, token);
                }
            },
            context.CancellationToken);
        return isThere ? true : throw new RpcException(new Status(StatusCode.NotFound, $"There is no blob {request.Digest}."));
    });

    // To the end: an answer before it breaks off the sender, who is still writing and then does not learn why.
    private static Task EndAsync(ChunkStream content, ServerCallContext context) => content.CopyToAsync(Stream.Null, context.CancellationToken);

    private static void Check(string digest)
    {
        if (!BlobDigest.IsValid(digest))
        {
            throw Invalid($"'{digest}' is not a digest: 64 lower-case hexadecimal letters are.");
        }
    }

    private static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (InvalidDataException e)
        {
            logger.TierFailed(e);
            throw new RpcException(new Status(StatusCode.DataLoss, e.Message));
        }
        catch (TierException e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // With a peer that went away it is the peer that failed, and nobody is left to tell.
            logger.TierFailed(e);
            throw new RpcException(new Status(StatusCode.Unavailable, e.Message));
        }
    }
}
