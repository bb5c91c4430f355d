using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>sys/mman.h: memory with a descriptor.</summary>
internal static partial class Memfd
{
    public const uint MFD_CLOEXEC = 1;

    /// <summary>Zeros that can be mapped by each process that gets the descriptor.</summary>
    /// <param name="name">For /proc.</param>
    /// <param name="length">In bytes.</param>
    public static Descriptor Create(string name, long length)
    {
        var memory = new Descriptor(Errno.Check(memfd_create(name, MFD_CLOEXEC), "memfd_create"));
        if (ftruncate(memory.Number, length) < 0)
        {
            var failure = Errno.Failed("ftruncate");
            memory.Dispose();
            throw failure;
        }

        return memory;
    }

    // man 2 memfd_create
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    // man 2 ftruncate
    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);
}
