using System.Globalization;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>
/// Reaps dead processes that became this process's children when their parents died: gVisor's helpers and what user code left behind.
/// Takes only those of a session other than ours, since the framework's own children share ours and it waits for them itself.
/// </summary>
internal static class Orphans
{
    /// <summary>Reaps what is dead now.</summary>
    public static void Reap()
    {
        var ours = ReadStat("/proc/self/stat")?.Session;
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            string children;
            try
            {
                children = File.ReadAllText(Path.Combine(task, "children"));
            }
            catch (IOException)
            {
                continue;
            }

            foreach (var text in children.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (ReadStat($"/proc/{text}/stat") is { State: 'Z' } stat && stat.Session != ours)
                {
                    _ = Wait.TryReap(int.Parse(text, CultureInfo.InvariantCulture));
                }
            }
        }
    }

    // man 5 proc: "pid (name) state ppid pgrp session …"; the name may hold anything, so look behind its last bracket.
    private static (char State, string Session)? ReadStat(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], fields[3]);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
