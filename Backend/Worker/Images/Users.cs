using System.Globalization;
using Modal.Backend.Images.Building;

namespace Modal.Backend.Worker.Images;

/// <summary>Finds out the numbers of an image's users.</summary>
internal static class Users
{
    // More than any image's; a file of gigabytes is not read.
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>The numbers for <c>name</c>, <c>number</c>, or either with <c>:group</c>.</summary>
    /// <param name="root">The image's root.</param>
    /// <param name="user">As the image has it; null for the default.</param>
    /// <returns>Null for the default.</returns>
    /// <exception cref="BuildSandboxException">The image has no such user or group.</exception>
    public static (uint Uid, uint Gid)? Resolve(string root, string? user)
    {
        if (user is null)
        {
            return null;
        }

        var parts = user.Split(':', 2);
        var entry = Entries(root, "passwd").FirstOrDefault(f => f.Length >= 4 && (f[0] == parts[0] || f[2] == parts[0]));
        var uid = Number(parts[0]) ?? Number(entry?[2]) ?? throw new BuildSandboxException($"The image has no user '{parts[0]}': its /etc/passwd does not name it. Give a number, or make the user with RunCommands(\"useradd ...\").");
        if (parts.Length == 1)
        {
            return (uid, Number(entry?[3]) ?? 0);
        }

        var group = Entries(root, "group").FirstOrDefault(f => f.Length >= 3 && f[0] == parts[1]);
        return (uid, Number(parts[1]) ?? Number(group?[2]) ?? throw new BuildSandboxException($"The image has no group '{parts[1]}': its /etc/group does not name it."));
    }

    private static uint? Number(string? text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static List<string[]> Entries(string root, string name)
    {
        // A link could lead out of the image.
        var etc = new DirectoryInfo(Path.Combine(root, "etc"));
        var file = new FileInfo(Path.Combine(root, "etc", name));
        return etc is { Exists: true, LinkTarget: null } && file is { Exists: true, LinkTarget: null, Length: <= MaxFileBytes } ? [.. File.ReadLines(file.FullName).Select(static l => l.Split(':'))] : [];
    }
}
