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
