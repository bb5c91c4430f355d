using System.Runtime.InteropServices;
using System.Text;

namespace Modal.Backend.Worker.Native;

/// <summary>sys/mount.h: overlay file systems.</summary>
internal static partial class Mounts
{
    private const ulong MS_NOSUID = 2;
    private const ulong MS_NODEV = 4;
    private const int MNT_DETACH = 2;
    private const int EINVAL = 22;
    private const int ENOENT = 2;

    /// <summary>Lays a folder that takes all changes over another, as overlayfs(5). Every changed file is in the upper folder as a whole.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refuses; the message names the call.</exception>
    public static void Overlay(string lower, string upper, string work, string target)
    {
        // Set-user-id programs keep that mode in the layer but have no effect while it is made here.
        var options = $"lowerdir={Escape(lower)},upperdir={Escape(upper)},workdir={Escape(work)},redirect_dir=off,metacopy=off,index=off,xino=off";
        Errno.Check(mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options), $"mount({options})");
    }

    /// <summary>Takes a mount away; what still uses it keeps it until it lets go. Nothing mounted there is fine.</summary>
    public static void Unmount(string target)
    {
        if (umount2(target, MNT_DETACH) != 0 && Marshal.GetLastPInvokeError() is not (EINVAL or ENOENT))
        {
            Errno.Check(-1, $"umount2({target})");
        }
    }

    /// <summary>Mount points below a folder, the last mounted first.</summary>
    public static IReadOnlyList<string> Below(string folder)
    {
        var prefix = Path.TrimEndingDirectorySeparator(folder) + "/";

        // proc_pid_mountinfo(5): the fifth field is the mount point, with \040 for a space and the like.
        return [.. File.ReadLines("/proc/self/mountinfo").Select(line => Unescape(line.Split(' ')[4])).Where(point => point.StartsWith(prefix, StringComparison.Ordinal)).Reverse()];
    }

    // Commas separate options and colons lower folders.
    private static string Escape(string path) => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal);

    private static string Unescape(string field)
    {
        var text = new StringBuilder();
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length)
            {
                text.Append((char)Convert.ToInt32(field.Substring(i + 1, 3), 8));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }

        return text.ToString();
    }

    // man 2 mount
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string type, ulong flags, string data);

    // man 2 umount2
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int umount2(string target, int flags);
}
