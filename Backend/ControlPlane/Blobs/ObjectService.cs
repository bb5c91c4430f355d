using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Modal.Backend.Store.Objects;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>A tier of the store over gRPC.</summary>
internal sealed class ObjectService(IObjectTier tier, ILogger<ObjectService> logger) : Objects.ObjectsBase
{
    private const int MaxKeys = 10_000;
    private const int MaxReadBytes = 64 * 1024 * 1024;
    private const int MaxListed = 1000;
    private const int PartBytes = 1024 * 1024;

    // What one read asks of the tier: enough that a tier with a round trip for each read keeps up, and little enough for many readers at once.
    private const int PieceBytes = 4 * PartBytes;

    public override Task<FindMissingObjectsReply> FindMissing(FindMissingObjectsRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        if (request.Keys.Count > MaxKeys)
        {
            throw Invalid($"{request.Keys.Count} keys were asked for; {MaxKeys} at a time are allowed.");
        }

        foreach (var key in request.Keys)
        {
            ObjectKeys.Split(key);
        }

        var since = request.HasStoredSinceUnixMs ? DateTimeOffset.FromUnixTimeMilliseconds(request.StoredSinceUnixMs) : DateTimeOffset.MinValue;
        return new FindMissingObjectsReply { Keys = { await tier.FindMissingAsync(request.Keys, since, context.CancellationToken) } };
    });

    public override Task<GetObjectSizeReply> GetSize(GetObjectSizeRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        ObjectKeys.Split(request.Key);
        var reply = new GetObjectSizeReply();
        if (await tier.GetSizeAsync(request.Key, context.CancellationToken) is { } size)
        {
            reply.SizeBytes = size;
        }

        return reply;
    });

    public override Task Read(ReadObjectRequest request, IServerStreamWriter<ObjectPart> responses, ServerCallContext context) => Guard(context, async () =>
    {
        ObjectKeys.Split(request.Key);
        if (request.Offset < 0 || request.SizeBytes is < 0 or > MaxReadBytes)
        {
            throw Invalid($"{request.SizeBytes} bytes from {request.Offset} were asked for; 0 to {MaxReadBytes} bytes from 0 on are allowed.");
        }

        var left = (int)request.SizeBytes;
        var buffer = new byte[Math.Min(PieceBytes, left)];
        for (var offset = request.Offset; ;)
        {
            var length = await tier.ReadAsync(request.Key, offset, buffer.AsMemory(0, Math.Min(buffer.Length, left)), context.CancellationToken)
                ?? throw new RpcException(new Status(StatusCode.NotFound, $"There is no object {request.Key}."));
            for (var at = 0; at < length; at += PartBytes)
            {
                // A copy: gRPC gives no promise when it is done with the bytes.
                await responses.WriteAsync(new ObjectPart { Data = ByteString.CopyFrom(buffer.AsSpan(at, Math.Min(PartBytes, length - at))) }, context.CancellationToken);
            }

            offset += length;
            left -= length;
            if (left == 0 || length < Math.Min(buffer.Length, left + length))
            {
                return true;
            }
        }
    });

    public override Task<PutObjectReply> Put(IAsyncStreamReader<PutObjectPart> requests, ServerCallContext context) => Guard(context, async () =>
    {
        if (!await requests.MoveNext(context.CancellationToken))
        {
            throw Invalid("An object was announced, but no part came.");
        }

        var key = requests.Current.Key;
        ObjectKeys.Split(key);
        await using var content = new ObjectPartStream(requests, key);
        try
        {
            await tier.PutAsync(key, content, context.CancellationToken);
        }
        catch (TierException)
        {
            // To the end: an answer before it breaks off the sender, who then does not learn why.
            await content.CopyToAsync(Stream.Null, context.CancellationToken);
            throw;
        }

        return new PutObjectReply();
    });

    public override Task List(ListObjectsRequest request, IServerStreamWriter<ObjectList> responses, ServerCallContext context) => Guard(context, async () =>
    {
        ObjectKeys.CheckPart(request.Kind);
        var list = new ObjectList();
        await foreach (var found in tier.ListAsync(request.Kind, context.CancellationToken))
        {
            list.Objects.Add(new ObjectEntry { Key = found.Key, SizeBytes = found.SizeBytes, ModifiedUnixMs = found.Modified.ToUnixTimeMilliseconds() });
            if (list.Objects.Count == MaxListed)
            {
                await responses.WriteAsync(list, context.CancellationToken);
                list = new ObjectList();
            }
        }

        if (list.Objects.Count > 0)
        {
            await responses.WriteAsync(list, context.CancellationToken);
        }

        return true;
    });

    public override Task<DeleteObjectReply> Delete(DeleteObjectRequest request, ServerCallContext context) => Guard(context, async () =>
    {
        ObjectKeys.Split(request.Key);
        await tier.DeleteAsync(request.Key, context.CancellationToken);
        return new DeleteObjectReply();
    });

    internal static RpcException Invalid(string message) => new(new Status(StatusCode.InvalidArgument, message));

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (ArgumentException e)
        {
            throw Invalid(e.Message);
        }
        catch (TierException e) when (!context.CancellationToken.IsCancellationRequested)
        {
            // With a peer that went away it is the peer that failed, and nobody is left to tell.
            logger.TierFailed(e);
            throw new RpcException(new Status(e.IsFull ? StatusCode.ResourceExhausted : StatusCode.Unavailable, e.Message));
        }
    }
}
