using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Modal.Backend.Store.Objects;
using Modal.Protocol;

namespace Modal.Backend.Store.Peers;

/// <summary>The store of another machine, over its Objects service. Tries nothing twice: its callers do.</summary>
/// <param name="channel">Leads to that machine; closed with this tier.</param>
/// <param name="address">That machine, for logs.</param>
public sealed class PeerTier(GrpcChannel channel, string address) : IObjectTier, IDisposable
{
    private const int MaxKeys = 10_000;
    private const int PartBytes = 1024 * 1024;

    // Less than the service allows, so that one read keeps within its time on a slow line.
    private const int MaxReadBytes = 16 * 1024 * 1024;

    // A peer that took the call and says nothing would hold up a read forever; 16 MiB in this time is 2 Mbit/s.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Protocol.Objects.ObjectsClient _client = new(channel);

    /// <inheritdoc/>
    public string Name => $"peer {address}";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> FindMissingAsync(IReadOnlyList<string> keys, DateTimeOffset storedSince, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        foreach (var key in keys)
        {
            ObjectKeys.Split(key);
        }

        var missing = new List<string>();
        foreach (var some in keys.Chunk(MaxKeys))
        {
            try
            {
                missing.AddRange((await _client.FindMissingAsync(Request(some, storedSince), Limited(cancellationToken))).Keys);
            }
            catch (RpcException e)
            {
                throw Translate(e, $"{some.Length} objects could not be looked for", cancellationToken);
            }
        }

        return missing;
    }

    /// <inheritdoc/>
    public async Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken)
    {
        ObjectKeys.Split(key);
        try
        {
            var reply = await _client.GetSizeAsync(new GetObjectSizeRequest { Key = key }, Limited(cancellationToken));
            return reply.HasSizeBytes ? reply.SizeBytes : null;
        }
        catch (RpcException e)
        {
            throw Translate(e, $"{key} could not be looked for", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<int?> ReadAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ObjectKeys.Split(key);
        var length = 0;
        do
        {
            var piece = destination.Slice(length, Math.Min(MaxReadBytes, destination.Length - length));
            if (await ReadPieceAsync(key, offset + length, piece, cancellationToken) is not { } read)
            {
                return null;
            }

            length += read;
            if (read < piece.Length)
            {
                break;
            }
        }
        while (length < destination.Length);

        return length;
    }

    /// <inheritdoc/>
    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        ObjectKeys.Split(key);

        // Disposing of a call that has not ended cancels it: when the content cannot be read to its end, nothing is stored.
        using var call = _client.Put(cancellationToken: cancellationToken);
        try
        {
            if (!await TrySendAsync(call.RequestStream, key, content, cancellationToken))
            {
                // The peer answered before the end: its answer says why.
                await call;
                throw new TierException($"{Name}: {key} could not be stored: the peer did not want all of it.");
            }

            await call.RequestStream.CompleteAsync();
            await call;
        }
        catch (RpcException e)
        {
            throw Translate(e, $"{key} could not be stored", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ObjectInfo> ListAsync(string kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectKeys.CheckPart(kind);
        using var call = _client.List(new ListObjectsRequest { Kind = kind }, cancellationToken: cancellationToken);
        while (true)
        {
            try
            {
                if (!await call.ResponseStream.MoveNext(cancellationToken))
                {
                    yield break;
                }
            }
            catch (RpcException e)
            {
                throw Translate(e, $"the objects of kind {kind} could not be listed", cancellationToken);
            }

            foreach (var entry in call.ResponseStream.Current.Objects)
            {
                yield return new ObjectInfo(entry.Key, entry.SizeBytes, DateTimeOffset.FromUnixTimeMilliseconds(entry.ModifiedUnixMs));
            }
        }
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        ObjectKeys.Split(key);
        try
        {
            await _client.DeleteAsync(new DeleteObjectRequest { Key = key }, Limited(cancellationToken));
        }
        catch (RpcException e)
        {
            throw Translate(e, $"{key} could not be removed", cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => channel.Dispose();

    private static CallOptions Limited(CancellationToken cancellationToken) => new(deadline: DateTime.UtcNow + s_limit, cancellationToken: cancellationToken);

    private static FindMissingObjectsRequest Request(string[] keys, DateTimeOffset storedSince)
    {
        var request = new FindMissingObjectsRequest { Keys = { keys } };
        if (storedSince > DateTimeOffset.UnixEpoch)
        {
            request.StoredSinceUnixMs = storedSince.ToUnixTimeMilliseconds();
        }

        return request;
    }

    private static async Task<bool> TrySendAsync(IClientStreamWriter<PutObjectPart> parts, string key, Stream content, CancellationToken cancellationToken)
    {
        // One part ahead, as only the end of the content shows which part was the last.
        var part = await NextAsync(content, cancellationToken);
        for (var first = true; ; first = false)
        {
            var next = part.Length < PartBytes ? [] : await NextAsync(content, cancellationToken);
            try
            {
                await parts.WriteAsync(new PutObjectPart { Key = first ? key : "", Data = UnsafeByteOperations.UnsafeWrap(part), Last = next.Length == 0 }, cancellationToken);
            }
            catch (Exception e) when (e is InvalidOperationException or RpcException)
            {
                // Not what the peer said, only that nobody reads any more.
                return false;
            }

            if (next.Length == 0)
            {
                return true;
            }

            part = next;
        }
    }

    private static async Task<byte[]> NextAsync(Stream content, CancellationToken cancellationToken)
    {
        var buffer = new byte[PartBytes];
        var length = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length == buffer.Length ? buffer : buffer[..length];
    }

    private async Task<int?> ReadPieceAsync(string key, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        try
        {
            using var call = _client.Read(new ReadObjectRequest { Key = key, Offset = offset, SizeBytes = destination.Length }, Limited(cancellationToken));
            var length = 0;
            while (await call.ResponseStream.MoveNext(cancellationToken))
            {
                var data = call.ResponseStream.Current.Data.Memory;
                if (data.Length > destination.Length - length)
                {
                    throw new TierException($"{Name}: {key} could not be read: the peer sent more than the {destination.Length} bytes asked for.");
                }

                data.CopyTo(destination[length..]);
                length += data.Length;
            }

            return length;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
        catch (RpcException e)
        {
            throw Translate(e, $"{key} could not be read", cancellationToken);
        }
    }

    private Exception Translate(RpcException e, string what, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return new OperationCanceledException(e.Status.Detail, e, cancellationToken);
        }

        var reason = e.StatusCode == StatusCode.DeadlineExceeded ? $"no answer came in {s_limit.TotalSeconds} s" : $"{e.Status.Detail} ({e.StatusCode})";
        return new TierException($"{Name}: {what}: {reason}", e) { IsFull = e.StatusCode == StatusCode.ResourceExhausted };
    }
}
