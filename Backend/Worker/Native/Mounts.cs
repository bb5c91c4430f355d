using System.Runtime.InteropServices;

namespace Modal.Backend.Worker.Native;

/// <summary>Overlay file systems, and mounts below a folder.</summary>
internal static class Mounts
{
    /// <summary>Lays a folder that takes all changes over another, as overlayfs(5). Every changed file is in the upper folder as a whole.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Overlay(string lower, string upper, string work, string target)
    {
        // Set-user-id programs keep that mode in the layer but have no effect while it is made here.
        var options = $"lowerdir={Escape(lower)},upperdir={Escape(upper)},workdir={Escape(work)},redirect_dir=off,metacopy=off,index=off,xino=off";
        Mounting.Mount("overlay", target, "overlay", Mounting.MS_NOSUID | Mounting.MS_NODEV, options);
    }

    /// <summary>Lays folders over each other, the first on top; nothing can be written.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void ReadOnlyOverlay(string top, string bottom, string target) =>
        Mounting.Mount("overlay", target, "overlay", Mounting.MS_RDONLY | Mounting.MS_NOSUID | Mounting.MS_NODEV, $"lowerdir={Escape(top)}:{Escape(bottom)},xino=off");

    /// <summary>Shows a folder at another place as well.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Bind(string source, string target, bool isReadOnly)
    {
        Mounting.Mount(source, target, null, Mounting.MS_BIND, null);

        // A bind takes no other flags with it.
        Mounting.Mount("none", target, null, Mounting.MS_BIND | Mounting.MS_REMOUNT | Mounting.MS_NOSUID | Mounting.MS_NODEV | (isReadOnly ? Mounting.MS_RDONLY : 0), null);
    }

    /// <summary>Shows what is mounted at a place at another as well, in the same way.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Rebind(string mount, string target) => Mounting.Mount(mount, target, null, Mounting.MS_BIND, null);

    /// <summary>Lets what is mounted below a mount from now on appear below its copies in other namespaces, which sandboxes have (mount_namespaces(7)).</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Share(string mount)
    {
        // Out of the group that it may be in, and into one of its own.
        Mounting.Mount("none", mount, null, Mounting.MS_PRIVATE, null);
        Mounting.Mount("none", mount, null, Mounting.MS_SHARED, null);
    }

    /// <summary>Takes a mount away; what still uses it keeps it until it lets go. Nothing mounted there is fine.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses.</exception>
    public static void Unmount(string target)
    {
        if (!Mounting.TryDetach(target) && Marshal.GetLastPInvokeError() is not (Errno.EINVAL or Errno.ENOENT))
        {
            throw Errno.Failed($"Unmounting {target}");
        }
    }

    /// <summary>Mount points below a folder, the last mounted first.</summary>
    public static IReadOnlyList<string> Below(string folder)
    {
        var prefix = Path.TrimEndingDirectorySeparator(folder) + "/";
        return [.. MountTable.Read().Select(static m => m.Path).Where(path => path.StartsWith(prefix, StringComparison.Ordinal)).Reverse()];
    }

    // Commas separate options and colons lower folders.
    private static string Escape(string path) => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal);
}
