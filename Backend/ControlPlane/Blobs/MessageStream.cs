using Google.Protobuf;

namespace Modal.Backend.ControlPlane.Blobs;

/// <summary>The bytes of a stream of messages as one stream to read, once and asynchronously.</summary>
internal abstract class MessageStream : Stream
{
    private ReadOnlyMemory<byte> _rest;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

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

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Messages arrive asynchronously.");

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>The bytes of the next message; null after the last, however often it is asked. Not a nullable memory: in an expression <c>null</c> easily becomes an empty one.</summary>
    protected abstract ValueTask<ByteString?> NextAsync(CancellationToken cancellationToken);
}
