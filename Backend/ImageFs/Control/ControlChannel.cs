using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Modal.Backend.ImageFs.Native;

namespace Modal.Backend.ImageFs.Control;

/// <summary>
/// Messages over one end of a pair of sockets: the length (4 bytes, little-endian), then JSON; descriptors go with the first byte. Any thread may send; one may receive.
/// Owns the socket.
/// </summary>
internal sealed class ControlChannel(Descriptor socket) : IDisposable
{
    // A trace of the greatest length is 650 KB, and a third more as text in JSON.
    private const int MaxBytes = 4 << 20;

    private readonly Lock _sending = new();

    /// <returns>False if the other end is gone.</returns>
    public bool Send<T>(T message, JsonTypeInfo<T> type, ReadOnlySpan<int> descriptors)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(message, type);
        var frame = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, body.Length);
        body.CopyTo(frame, 4);
        lock (_sending)
        {
            return Socket.Send(socket, frame, descriptors);
        }
    }

    /// <summary>Waits for a message.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="descriptors">Get those that came with it; the caller owns them.</param>
    /// <returns>Null at the end.</returns>
    /// <exception cref="InvalidDataException">The other end does not speak this protocol.</exception>
    public T? Receive<T>(JsonTypeInfo<T> type, List<Descriptor> descriptors)
        where T : class
    {
        Span<byte> head = stackalloc byte[4];
        if (!Socket.Receive(socket, head, descriptors))
        {
            return null;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (length is <= 0 or > MaxBytes)
        {
            throw new InvalidDataException($"A control message of {length} bytes: 1 to {MaxBytes} are possible.");
        }

        var body = new byte[length];
        if (!Socket.Receive(socket, body, descriptors))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new InvalidDataException("A control message is null.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"A control message cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Makes the other end read the end.</summary>
    public void EndSending() => Socket.EndSending(socket);

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();
}
