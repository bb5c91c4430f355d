using Google.Protobuf;
using Grpc.Core;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The parts of an object's Put, beginning with the reader's current part. Ends well only after the part that says it is the last.</summary>
internal sealed class ObjectPartStream(IAsyncStreamReader<PutObjectPart> parts, string key) : MessageStream
{
    // Far more than a pack or an index has; a peer that sends without end must not fill the store.
    private const long MaxBytes = 1L << 30;

    private PutObjectPart? _first = parts.Current;
    private long _length;
    private bool _ended;

    protected override async ValueTask<ByteString?> NextAsync(CancellationToken cancellationToken)
    {
        if (_ended)
        {
            return null;
        }

        var part = _first;
        _first = null;
        if (part is null)
        {
            part = await parts.MoveNext(cancellationToken)
                ? parts.Current
                : throw ObjectService.Invalid($"{key} ended after {_length} bytes without a last part: nothing was stored. Send it again.");
        }

        _ended = part.Last;
        _length += part.Data.Length;
        return _length <= MaxBytes ? part.Data : throw ObjectService.Invalid($"{key} is longer than the {MaxBytes} bytes an object may have.");
    }
}
