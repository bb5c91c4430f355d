using System.Runtime.InteropServices;

namespace Modal.Backend.ImageFs.Native;

/// <summary>The part of linux/fuse.h that is calls: ioctl(2) on /dev/fuse.</summary>
internal static unsafe partial class FuseDevice
{
    public const string Path = "/dev/fuse";
    public const uint FUSE_DEV_IOC_CLONE = 0x8004E500;
    public const uint FUSE_DEV_IOC_BACKING_OPEN = 0x4010E501;
    public const uint FUSE_DEV_IOC_BACKING_CLOSE = 0x4004E502;

    /// <summary>A descriptor that can be mounted.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no FUSE here.</exception>
    public static Descriptor Open() => Fcntl.Open(Path, Fcntl.O_RDWR);

    /// <summary>Another descriptor of a mounted one, with a queue of its own: what is read from it must be answered on it.</summary>
    public static Descriptor Clone(Descriptor mounted)
    {
        var clone = Open();
        var number = mounted.Number;
        try
        {
            Errno.Check(ioctl(clone.Number, FUSE_DEV_IOC_CLONE, &number), "ioctl(FUSE_DEV_IOC_CLONE)");
            return clone;
        }
        catch
        {
            clone.Dispose();
            throw;
        }
    }

    /// <summary>Gives the kernel an open file that it may read in place of asking the server.</summary>
    /// <returns>The file's id in this connection, above 0; 0 if the kernel will not have it.</returns>
    public static int OpenBacking(Descriptor device, Descriptor file)
    {
        var map = new BackingMap { Descriptor = file.Number };
        return Math.Max(0, ioctl(device.Number, FUSE_DEV_IOC_BACKING_OPEN, &map));
    }

    /// <summary>struct fuse_backing_map.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct BackingMap
    {
        public int Descriptor;
        public uint Flags;
        public ulong Padding;
    }

    // man 2 ioctl
    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, void* argument);
}
