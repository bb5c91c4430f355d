using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Modal.Images;

/// <summary>
/// Patterns of paths as docker reads them, after Go's filepath.Match: <c>*</c> and <c>?</c> within a name, <c>**</c> over folders, <c>[a-z]</c>, <c>[^a-z]</c>, a backslash before a letter that means
/// itself. A source file of two projects: the client has them in .dockerignore, the server in COPY.
/// </summary>
internal static class WildcardPattern
{
    /// <summary>Letters that a pattern may have: no path is longer (limits.h).</summary>
    public const int MaxLength = 4096;

    /// <summary>Whether a pattern is more than a path.</summary>
    /// <param name="pattern">The pattern.</param>
    public static bool HasWildcards(string pattern) => pattern.AsSpan().IndexOfAny(@"*?[\") >= 0;

    /// <summary>Makes a pattern ready. Matching takes a time linear in the path, whatever the pattern is.</summary>
    /// <param name="pattern">At most <see cref="MaxLength"/> letters.</param>
    /// <returns>Matches whole paths. Null if the pattern cannot be read: a set that is wrong or not closed, a backslash at the end, or too much of everything.</returns>
    public static Regex? TryCompile(string pattern)
    {
        try
        {
            return new Regex(Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder(@"\A");
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when i + 1 < pattern.Length && pattern[i + 1] == '*':
                    // "**/x" is x in any folder, also in this one.
                    i += i + 2 < pattern.Length && pattern[i + 2] == '/' ? 2 : 1;
                    regex.Append(i + 1 < pattern.Length ? "(?:[^\0]*/)?" : "[^\0]*");
                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append(@"(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[^/])");
                    break;
                case '[':
                    i = Set(pattern, i + 1, regex);
                    break;
                case '\\':
                    regex.Append(Regex.Escape((++i < pattern.Length ? pattern[i] : throw new FormatException()).ToString()));
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[i].ToString()));
                    break;
            }
        }

        return regex.Append(@"\z").ToString();
    }

    // Returns where it ends. At least one letter or range, in which '-', ']' and '\' stand only after a backslash, as in Go's filepath.Match.
    private static int Set(string pattern, int at, StringBuilder regex)
    {
        var isNot = at < pattern.Length && pattern[at] == '^';
        at += isNot ? 1 : 0;
        regex.Append(isNot ? "[^" : "[");
        var start = at;
        while (at == start || at >= pattern.Length || pattern[at] != ']')
        {
            var low = Letter(pattern, ref at);
            var high = low;
            if (at < pattern.Length && pattern[at] == '-')
            {
                at++;
                high = Letter(pattern, ref at);
            }

            regex.Append(CultureInfo.InvariantCulture, $"\\u{(int)low:X4}-\\u{(high >= low ? (int)high : throw new FormatException()):X4}");
        }

        regex.Append(']');
        return at;
    }

    private static char Letter(string pattern, ref int at)
    {
        if (at >= pattern.Length || pattern[at] is '-' or ']')
        {
            throw new FormatException();
        }

        at += pattern[at] == '\\' ? 1 : 0;
        return at < pattern.Length ? pattern[at++] : throw new FormatException();
    }
}
