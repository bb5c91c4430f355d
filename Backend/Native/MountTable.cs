using System.Globalization;
using System.Text;

namespace Modal.Backend.Native;

/// <summary>/proc/self/mountinfo (proc(5)).</summary>
internal static class MountTable
{
    /// <summary>A line of it.</summary>
    /// <param name="Device">Major and minor number of the file system, as <c>0:52</c>.</param>
    /// <param name="Path">Where it is mounted.</param>
    /// <param name="Type">Its type.</param>
    /// <param name="Source">What it is of.</param>
    internal readonly record struct Entry(string Device, string Path, string Type, string Source);

    /// <summary>What is mounted now, in the order of mounting.</summary>
    public static IReadOnlyList<Entry> Read() => Parse(File.ReadLines("/proc/self/mountinfo"));

    /// <summary>Reads lines of the file; others are left out.</summary>
    public static IReadOnlyList<Entry> Parse(IEnumerable<string> lines)
    {
        var entries = new List<Entry>();
        foreach (var line in lines)
        {
            // 36 35 98:0 /root /point options optional-fields... - type source options
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-", Math.Min(6, fields.Length));
            if (dash > 0 && fields.Length > dash + 2)
            {
                entries.Add(new Entry(fields[2], Unescape(fields[4]), fields[dash + 1], Unescape(fields[dash + 2])));
            }
        }

        return entries;
    }

    // Spaces, tabs, newlines and backslashes are written as three octal digits.
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && text.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                result.Append((char)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    /// <summary>Sets how far the kernel reads ahead on a mounted file system, without touching it.</summary>
    /// <returns>False if it could not be set.</returns>
    public static bool TrySetReadAhead(string path, int kiB)
    {
        if (Read().LastOrDefault(e => e.Path == path) is not { Device: { } device })
        {
            return false;
        }

        try
        {
            File.WriteAllText($"/sys/class/bdi/{device}/read_ahead_kb", kiB.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
