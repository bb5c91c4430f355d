using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Protocol;

/// <summary>A request of the kernel, in the buffer that it was read into. Takes any bytes without harm: what is not there cannot be read from it.</summary>
internal readonly ref struct FuseRequest
{
    private FuseRequest(FuseInHeader header, ReadOnlySpan<byte> body)
    {
        Header = header;
        Body = body;
    }

    public FuseInHeader Header { get; }

    public FuseOpcode Opcode => Header.Opcode;

    /// <summary>What follows the header, without extensions.</summary>
    public ReadOnlySpan<byte> Body { get; }

    /// <returns>False if the bytes are no request, or not one whole.</returns>
    public static bool TryParse(ReadOnlySpan<byte> message, out FuseRequest request)
    {
        request = default;
        if (!MemoryMarshal.TryRead<FuseInHeader>(message, out var header) || header.Length != message.Length)
        {
            return false;
        }

        var body = message[Unsafe.SizeOf<FuseInHeader>()..];
        var extensions = header.ExtensionLength * 8;
        if (extensions > body.Length)
        {
            return false;
        }

        request = new FuseRequest(header, body[..^extensions]);
        return true;
    }

    /// <summary>Reads the struct that the body begins with.</summary>
    /// <returns>False if the body is shorter.</returns>
    public bool TryRead<T>(out T value)
        where T : unmanaged => MemoryMarshal.TryRead(Body, out value);

    /// <summary>Reads a name that ends with a zero.</summary>
    /// <param name="offset">Where it begins in the body.</param>
    /// <param name="name">Without the zero.</param>
    /// <returns>False if there is none.</returns>
    public bool TryReadName(int offset, out ReadOnlySpan<byte> name)
    {
        name = default;
        if (offset > Body.Length)
        {
            return false;
        }

        var end = Body[offset..].IndexOf((byte)0);
        if (end < 0)
        {
            return false;
        }

        name = Body.Slice(offset, end);
        return true;
    }
}
