using System.Globalization;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Whose the files of a COPY or ADD are: root's, if <c>--chown</c> says nothing else, also those of other stages and images.</summary>
internal static class CopyOwner
{
    /// <summary>Finds the numbers of <c>user</c> or <c>user:group</c>, each a name or a number. A user alone: a number stands for the group as well, a name for its own group.</summary>
    /// <param name="text">Of the flag; empty if it is not there.</param>
    /// <param name="readAsync">Gives a file of the image; empty if it is not there. Called for names only.</param>
    /// <param name="line">The instruction's.</param>
    /// <exception cref="DockerfileException">The image does not know a name.</exception>
    public static async Task<(uint Uid, uint Gid)> FindAsync(string text, Func<string, Task<string>> readAsync, int line)
    {
        if (text.Length == 0)
        {
            return (0, 0);
        }

        var parts = text.Split(':', 2);
        var (user, group) = (Number(parts[0]), parts.Length < 2 || parts[1].Length == 0 ? null : Number(parts[1]));
        var ownGroup = user;
        if (user is null)
        {
            (user, ownGroup) = Entry(await readAsync("/etc/passwd"), parts[0], 4) is [_, _, var uid, var gid, ..] ? (Number(uid), Number(gid)) : parts[0] == "root" ? (0u, 0u) : (null, null);
            _ = user ?? throw Unknown("user", parts[0], "/etc/passwd");
        }

        if (group is null && parts.Length == 2 && parts[1].Length > 0)
        {
            group = Entry(await readAsync("/etc/group"), parts[1], 3) is [_, _, var gid, ..] ? Number(gid) : parts[1] == "root" ? 0u : null;
            _ = group ?? throw Unknown("group", parts[1], "/etc/group");
        }

        return (user.Value, group ?? ownGroup ?? 0);

        DockerfileException Unknown(string what, string name, string file) =>
            new(line, $"--chown={text}: the image's {file} has no {what} '{name}'. RUN {what}add before, or write numbers, such as 1000:1000.");
    }

    private static string[]? Entry(string file, string name, int fields) =>
        file.Split('\n').Select(static l => l.TrimEnd('\r').Split(':')).FirstOrDefault(f => f.Length >= fields && f[0] == name);

    private static uint? Number(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
