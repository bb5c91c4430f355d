using Google.Protobuf;
using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The chunks of a blob's Put, beginning with the reader's current chunk.</summary>
internal sealed class ChunkStream(IAsyncStreamReader<BlobChunk> chunks) : MessageStream
{
    private BlobChunk? _first = chunks.Current;

    protected override async ValueTask<ByteString?> NextAsync(CancellationToken cancellationToken)
    {
        if (_first is { } first)
        {
            _first = null;
            return first.Data;
        }

        return await chunks.MoveNext(cancellationToken) ? chunks.Current.Data : null;
    }
}
