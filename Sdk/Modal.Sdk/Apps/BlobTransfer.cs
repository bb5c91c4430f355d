using System.Security.Cryptography;
using Google.Protobuf;
using Modal.Protocol;

namespace Modal.Apps;

/// <summary>Moves large bytes to and from the server's store.</summary>
internal sealed class BlobTransfer(Blobs.BlobsClient client)
{
    /// <summary>Up to here a payload travels inside its message; the number is part of the protocol.</summary>
    public const int MaxInlineBytes = 1024 * 1024;

    private const int ChunkBytes = 512 * 1024;

    public async Task<ISet<string>> FindMissingAsync(IEnumerable<string> digests, CancellationToken cancellationToken)
    {
        var missing = new HashSet<string>(StringComparer.Ordinal);
        foreach (var page in digests.Distinct(StringComparer.Ordinal).Chunk(10_000))
        {
            var reply = await client.FindMissingAsync(new FindMissingRequest { Digests = { page } }, cancellationToken: cancellationToken).ConfigureAwait(false);
            missing.UnionWith(reply.Digests);
        }

        return missing;
    }

    public async Task PutAsync(string digest, Stream content, CancellationToken cancellationToken)
    {
        using var call = client.Put(cancellationToken: cancellationToken);
        var first = true;
        while (true)
        {
            // A buffer of its own for each chunk: gRPC keeps it until it is written.
            var buffer = new byte[ChunkBytes];
            var length = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            if (length == 0 && !first)
            {
                break;
            }

            var chunk = new BlobChunk { Digest = first ? digest : "", Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)) };
            first = false;
            await call.RequestStream.WriteAsync(chunk, cancellationToken).ConfigureAwait(false);
        }

        await call.RequestStream.CompleteAsync().ConfigureAwait(false);
        await call.ConfigureAwait(false);
    }

    public async Task<Payload> ToPayloadAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken, int maxInlineBytes = MaxInlineBytes)
    {
        var payload = new Payload { Format = PayloadFormat.Messagepack, SizeBytes = bytes.Length };
        if (bytes.Length <= maxInlineBytes)
        {
            payload.Inline = UnsafeByteOperations.UnsafeWrap(bytes);
            return payload;
        }

        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes.Span));
        if ((await FindMissingAsync([digest], cancellationToken).ConfigureAwait(false)).Count > 0)
        {
            using var content = new MemoryStream(bytes.ToArray(), writable: false);
            await PutAsync(digest, content, cancellationToken).ConfigureAwait(false);
        }

        payload.BlobDigest = digest;
        return payload;
    }

    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(Payload payload, CancellationToken cancellationToken)
    {
        if (payload.ContentCase != Payload.ContentOneofCase.BlobDigest)
        {
            return payload.Inline.Memory;
        }

        var buffer = new MemoryStream((int)Math.Clamp(payload.SizeBytes, 0, Array.MaxLength));
        using var call = client.Get(new GetRequest { Digest = payload.BlobDigest }, cancellationToken: cancellationToken);
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            buffer.Write(call.ResponseStream.Current.Data.Span);
        }

        var bytes = buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
        return Convert.ToHexStringLower(SHA256.HashData(bytes.Span)) == payload.BlobDigest
            ? bytes
            : throw new PayloadSerializationException($"The blob {payload.BlobDigest} arrived damaged.");
    }
}
