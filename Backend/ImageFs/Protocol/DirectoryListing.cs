using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Protocol;

/// <summary>Writes the entries of a READDIR or READDIRPLUS reply, as many as fit.</summary>
internal ref struct DirectoryListing(Span<byte> reply, bool withAttributes)
{
    private readonly Span<byte> _reply = reply;

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>Adds an entry.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="inode">Its number for readdir(3).</param>
    /// <param name="next">Where a listing goes on behind it.</param>
    /// <param name="mode">Its kind.</param>
    /// <param name="entry">As LOOKUP would answer; of node 0 for "." and "..", which the kernel does not look up.</param>
    /// <returns>False if it does not fit: the listing is complete.</returns>
    public bool TryAdd(ReadOnlySpan<byte> name, ulong inode, ulong next, int mode, in FuseEntryOut entry)
    {
        var head = withAttributes ? Unsafe.SizeOf<FuseEntryOut>() : 0;
        var length = head + ((Unsafe.SizeOf<FuseDirent>() + name.Length + 7) & ~7);
        if (length > _reply.Length - Length)
        {
            return false;
        }

        var place = _reply.Slice(Length, length);
        place.Clear();
        if (withAttributes)
        {
            MemoryMarshal.Write(place, in entry);
        }

        MemoryMarshal.Write(place[head..], new FuseDirent { Inode = inode, Offset = next, NameLength = (uint)name.Length, Type = (uint)(mode >> 12) & 15 });
        name.CopyTo(place[(head + Unsafe.SizeOf<FuseDirent>())..]);
        Length += length;
        return true;
    }
}
