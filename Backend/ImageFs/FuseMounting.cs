using System.Globalization;

namespace Modal.Backend.ImageFs;

/// <summary>Mounts FUSE connections.</summary>
internal static class FuseMounting
{
    /// <summary>The type as /proc/self/mountinfo shows it.</summary>
    public const string Type = "fuse.modal-image";

    /// <summary>Attaches a connection, which need not be served yet.</summary>
    /// <param name="device">Its descriptor.</param>
    /// <param name="target">A folder.</param>
    /// <param name="source">What /proc/self/mountinfo shows as the mount's source.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel does not do it.</exception>
    public static void Mount(Descriptor device, string target, string source)
    {
        // NOSUID: on this machine a file of an image gives nobody rights; a sandbox with its own kernel sees the bit and honours it inside.
        // allow_other: sandboxes have other users. default_permissions: the kernel checks modes and owners.
        var data = string.Create(CultureInfo.InvariantCulture, $"fd={device.Number},rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions");
        Mounting.Mount(source, target, Type, Mounting.MS_RDONLY | Mounting.MS_NOSUID | Mounting.MS_NODEV, data);
    }
}
