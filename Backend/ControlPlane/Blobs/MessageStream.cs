using Google.Protobuf;
using Modal.Backend.Store.Objects;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The bytes of a stream of messages as one stream to read, once and asynchronously.</summary>
internal abstract class MessageStream : ReadOnlyStream
{
    private ReadOnlyMemory<byte> _rest;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // A message may be empty without being the last.
        while (_rest.IsEmpty)
        {
            if (await NextAsync(cancellationToken) is not { } next)
            {
                return 0;
            }

            _rest = next.Memory;
        }

        var length = Math.Min(buffer.Length, _rest.Length);
        _rest[..length].CopyTo(buffer);
        _rest = _rest[length..];
        return length;
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("Messages arrive asynchronously.");

    /// <summary>The bytes of the next message; null after the last, however often it is asked. Not a nullable memory: in an expression <c>null</c> easily becomes an empty one.</summary>
    protected abstract ValueTask<ByteString?> NextAsync(CancellationToken cancellationToken);
}
