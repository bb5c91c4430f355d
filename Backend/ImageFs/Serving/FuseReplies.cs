using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Protocol;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>Answers on one device descriptor: a request must be answered where it was read.</summary>
internal sealed class FuseReplies(Descriptor device, PendingReads pending, string mount, ILogger logger)
{
    /// <summary>Bytes before the body of a reply.</summary>
    public static int HeaderBytes => Unsafe.SizeOf<FuseOutHeader>();

    /// <summary>The descriptor.</summary>
    public Descriptor Device => device;

    /// <summary>Answers with a body that lies in the buffer behind room for the header.</summary>
    public void Send(ulong unique, Span<byte> buffer, int bodyLength)
    {
        var length = HeaderBytes + bodyLength;
        MemoryMarshal.Write(buffer, new FuseOutHeader { Length = (uint)length, Unique = unique });
        Write(buffer[..length]);
    }

    /// <summary>Answers with an errno, 0 or negative.</summary>
    public void SendError(ulong unique, int error)
    {
        Span<byte> buffer = stackalloc byte[HeaderBytes];
        MemoryMarshal.Write(buffer, new FuseOutHeader { Length = (uint)HeaderBytes, Error = error, Unique = unique });
        Write(buffer);
    }

    /// <summary>Answers a read when its bytes are here; until then other requests go on.</summary>
    /// <param name="unique">The request.</param>
    /// <param name="length">What it must give: all of it, or an error.</param>
    /// <param name="read">Gets the bytes.</param>
    public void ReadLater(ulong unique, int length, Func<Memory<byte>, CancellationToken, ValueTask<int>> read)
    {
        var cancellationToken = pending.Add(unique);

        // The task is nobody's: its end is the reply, and the session lives until the kernel has ended the connection.
        _ = Task.Run(() => ReadAsync(unique, length, read, cancellationToken), CancellationToken.None);
    }

    private async Task ReadAsync(ulong unique, int length, Func<Memory<byte>, CancellationToken, ValueTask<int>> read, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(HeaderBytes + length);
        try
        {
            var count = await read(buffer.AsMemory(HeaderBytes, length), cancellationToken);
            if (count == length)
            {
                Send(unique, buffer, length);
                return;
            }

            Log.ShortRead(logger, mount, count, length);
            SendError(unique, -Errno.EIO);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            SendError(unique, -Errno.EINTR);
        }
#pragma warning disable CA1031 // The edge: whatever went wrong is an I/O error for the reader.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.ReadFailed(logger, mount, exception.Message, exception is IOException ? null : exception);
            SendError(unique, -Errno.EIO);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            pending.Remove(unique);
        }
    }

    private void Write(ReadOnlySpan<byte> message)
    {
        try
        {
            // ENOENT: the reader is gone. ENODEV: the mount is.
            if (Unistd.Write(device, message) is var error and < 0 and not -Errno.ENOENT and not -Errno.ENODEV)
            {
                Log.ReplyRefused(logger, mount, -error, message.Length);
            }
        }
        catch (ObjectDisposedException)
        {
            // The session ended while a read was under way.
        }
    }
}
