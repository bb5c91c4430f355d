using Grpc.Core;
using Modal.Protocol;

namespace Modal.Volumes;

/// <summary>A file of a volume as it comes from the server.</summary>
internal sealed class VolumeFileStream(VolumeCalls.Server server, AsyncServerStreamingCall<VolumeFilePart> call) : Stream
{
    private ReadOnlyMemory<byte> _left;
    private bool _isDisposed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_left.IsEmpty)
        {
            if (!await VolumeCalls.NextAsync(call.ResponseStream, cancellationToken).ConfigureAwait(false))
            {
                return 0;
            }

            _left = call.ResponseStream.Current.Data.Memory;
        }

        var length = Math.Min(buffer.Length, _left.Length);
        _left[..length].CopyTo(buffer);
        _left = _left[length..];
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
        // Nothing is written.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            // A connection is given back once.
            _isDisposed = true;
            call.Dispose();
            server.Dispose();
        }

        base.Dispose(disposing);
    }
}
