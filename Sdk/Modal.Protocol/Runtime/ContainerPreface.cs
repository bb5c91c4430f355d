using System.Text;
using Modal.Protocol;

namespace Modal.Runtime;

/// <summary>
/// The line with which a worker begins a connection that it makes for one of its containers: <c>MODAL-CONTAINER ta-…</c> and a line feed, ahead of HTTP/2. The container's own bytes come after it, so
/// code in the container can neither leave it out nor name another.
/// </summary>
public static class ContainerPreface
{
    /// <summary>The bytes before the container's id.</summary>
    public static ReadOnlySpan<byte> Start => "MODAL-CONTAINER "u8;

    /// <summary>The most bytes that a preface has, the line feed included.</summary>
    public const int MaxBytes = 64;

    /// <summary>The preface for a container.</summary>
    /// <param name="containerId">The container, <c>ta-…</c>.</param>
    /// <exception cref="ArgumentException">It is no container's id.</exception>
    public static byte[] Write(string containerId) => Id.IsValid(containerId, Id.Container)
        ? [.. Start, .. Encoding.ASCII.GetBytes(containerId), (byte)'\n']
        : throw new ArgumentException($"'{containerId}' is not a container's id.", nameof(containerId));

    /// <summary>Reads a preface.</summary>
    /// <param name="line">All bytes before the line feed.</param>
    /// <returns>The container's id; null if it is no preface.</returns>
    public static string? Read(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith(Start) || line.Length > MaxBytes)
        {
            return null;
        }

        var id = Encoding.ASCII.GetString(line[Start.Length..]);
        return Id.IsValid(id, Id.Container) ? id : null;
    }
}
