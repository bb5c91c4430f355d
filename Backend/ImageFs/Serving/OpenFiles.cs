using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Modal.Backend.ImageFs.Native;
using Modal.Backend.ImageFs.Protocol;
using Modal.Backend.Store.Chunks;
using Modal.Backend.Store.Indexes;

namespace Modal.Backend.ImageFs.Serving;

/// <summary>
/// Opens files of a mount that uses passthrough: those whose bytes are all here in one file are read by the kernel without asking, others through its cache like on any mount.
/// The kernel refuses with EIO a file that is open in both ways, or with two backing files. So an inode stays cached until its last close; and once it passes through it does
/// so until the mount ends, with the same backing file. This is kept in memory that outlives the server (see <see cref="MountState"/>), since a server that takes over must know it.
/// </summary>
internal sealed class OpenFiles(ImageIndex index, IContent content, MountState state)
{
    // Handles tell RELEASE how the file was open.
    private const ulong CachedHandle = 1;
    private const ulong PassthroughHandle = 2;

    private readonly Lock _lock = new();

    /// <summary>Passthrough, if the kernel has it.</summary>
    public FuseFeatures Choose(FuseFeatures offered)
    {
        state.PassesThrough = offered.HasFlag(FuseFeatures.Passthrough);
        return offered & FuseFeatures.Passthrough;
    }

    public int Open(int node, in FuseRequest request, Span<byte> reply, FuseReplies replies)
    {
        _ = request;
        FuseOpenOut answer;
        lock (_lock)
        {
            ref var file = ref state[node];
            if (file.BackingId == 0 && file.CachedOpens == 0 && state.PassesThrough)
            {
                file.BackingId = OpenBacking(node, replies.Device);
            }

            if (file.BackingId != 0)
            {
                // KEEP_CACHE beside PASSTHROUGH is an error for the kernel.
                answer = new FuseOpenOut { Handle = PassthroughHandle, OpenFlags = FuseConstants.FOPEN_PASSTHROUGH, BackingId = file.BackingId };
            }
            else
            {
                // Counted before the kernel knows: if this server dies between, the count is too high and the inode only stays cached.
                file.CachedOpens++;
                answer = new FuseOpenOut { Handle = CachedHandle, OpenFlags = FuseConstants.FOPEN_KEEP_CACHE };
            }
        }

        MemoryMarshal.Write(reply, in answer);
        return Unsafe.SizeOf<FuseOpenOut>();
    }

    public int Release(int node, in FuseRequest request, FuseReplies replies)
    {
        if (!request.TryRead(out FuseReleaseIn release))
        {
            return -Errno.EINVAL;
        }

        // Answered before it is counted: if this server dies between, the next one does not count it twice.
        replies.SendError(request.Header.Unique, 0);
        if (release.Handle == CachedHandle)
        {
            lock (_lock)
            {
                ref var file = ref state[node];
                file.CachedOpens -= file.CachedOpens > 0 ? 1 : 0;
            }
        }

        return FuseAnswer.None;
    }

    private int OpenBacking(int node, Descriptor device)
    {
        if (index.GetBlobNumber(node) is not (>= 0 and var blob) || content.CompleteFile(index, blob) is not { } path)
        {
            return 0;
        }

        // Whatever is wrong with it, the file can be read through the cache.
        using var file = Fcntl.TryOpen(path, Fcntl.O_RDONLY);
        return file is null || Unistd.GetLength(file) != index.GetNode(node).SizeBytes ? 0 : FuseDevice.OpenBacking(device, file);
    }
}
