using System.Collections.Concurrent;
using System.Globalization;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>
/// Reaps dead processes that became this process's children when their parents died: gVisor's helpers and what user code left behind.
/// Takes only those of a session other than ours, since the framework's own children share ours and it waits for them itself, and none that someone here
/// waits for: its end, taken away, would look like a container that disappeared. Safe for many threads.
/// </summary>
internal static class Orphans
{
    private static readonly ConcurrentDictionary<int, byte> s_awaited = new();
    private static readonly Lock s_gate = new();
    private static int s_starting;
    private static bool s_postponed;

    /// <summary>Nothing is reaped until this is disposed: children are being made whose numbers are not known yet.</summary>
    public static IDisposable Hold()
    {
        lock (s_gate)
        {
            s_starting++;
        }

        return new Scope(static () =>
        {
            bool reap;
            lock (s_gate)
            {
                reap = --s_starting == 0 && s_postponed;
            }

            if (reap)
            {
                Reap();
            }
        });
    }

    /// <summary>Someone waits for the end of this process, until the result is disposed.</summary>
    public static IDisposable Await(int pid)
    {
        s_awaited[pid] = 0;
        return new Scope(() => s_awaited.TryRemove(pid, out _));
    }

    /// <summary>Reaps what is dead now.</summary>
    public static void Reap()
    {
        lock (s_gate)
        {
            s_postponed = s_starting > 0;
            if (s_postponed)
            {
                return;
            }

            ReapAll();
        }
    }

    private static void ReapAll()
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

            foreach (var pid in children.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => int.Parse(text, CultureInfo.InvariantCulture)))
            {
                if (!s_awaited.ContainsKey(pid) && ReadStat($"/proc/{pid}/stat") is { State: 'Z' } stat && stat.Session != ours)
                {
                    _ = Wait.TryReap(pid);
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

    private sealed class Scope(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
