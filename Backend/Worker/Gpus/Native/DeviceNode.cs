using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Gpus.Native;

/// <summary>A device of this machine: a file in /dev.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Major">Its driver.</param>
/// <param name="Minor">Which of its driver's devices it is.</param>
internal sealed unsafe partial record DeviceNode(string Name, int Major, int Minor)
{
    // struct statx (statx(2)), the same on all processors.
    public const int StatxSize = 256;
    public const int ModeOffset = 28;
    public const int MajorOffset = 128;
    public const int MinorOffset = 132;
    public const int S_IFMT = 0xF000;
    public const int S_IFCHR = 0x2000;
    public const int AT_FDCWD = -100;
    public const uint STATX_BASIC_STATS = 0x7FF;

    /// <summary>Looks at a file.</summary>
    /// <returns>Null if there is none, or it is no character device.</returns>
    public static DeviceNode? TryFind(string folder, string name)
    {
        var status = stackalloc byte[StatxSize];
        return statx(AT_FDCWD, Path.Combine(folder, name), 0, STATX_BASIC_STATS, status) == 0 && (*(ushort*)(status + ModeOffset) & S_IFMT) == S_IFCHR
            ? new DeviceNode(name, *(int*)(status + MajorOffset), *(int*)(status + MinorOffset))
            : null;
    }

    // man 2 statx
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, byte* statxbuf);
}
