using System.Text;
using System.Text.RegularExpressions;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>
/// A pattern of names as in Go's filepath.Match, which docker uses: <c>*</c> and <c>?</c> within a name, <c>[a-z]</c>, <c>[^a-z]</c>, a backslash before a letter that means itself. For
/// <c>--exclude</c> also <c>**</c> over folders. Time is linear in what is matched.
/// </summary>
internal sealed class PathPattern
{
    // No name is longer than 255 bytes and no path longer than 4096 (limits.h).
    private const int MaxLength = 4096;

    private readonly string _text;
    private readonly Regex? _regex;

    private PathPattern(string text, Regex? regex) => (_text, _regex) = (text, regex);

    /// <summary>Whether it is more than a name.</summary>
    public bool HasWildcards => _regex is not null;

    /// <exception cref="DockerfileException">It cannot be read.</exception>
    public static PathPattern Parse(string pattern, int line)
    {
        if (pattern.Length > MaxLength)
        {
            throw new DockerfileException(line, $"a path has {pattern.Length} characters; {MaxLength} are allowed.");
        }

        if (pattern.AsSpan().IndexOfAny(@"*?[\") < 0)
        {
            return new PathPattern(pattern, null);
        }

        try
        {
            return new PathPattern(pattern, new Regex(Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking));
        }
        catch (Exception e) when (e is ArgumentException or FormatException or NotSupportedException)
        {
            throw new DockerfileException(line, $"the pattern '{(pattern.Length <= 100 ? pattern : pattern[..97] + "...")}' cannot be read: it has a set such as [a-z] that is wrong or not closed, or too much of everything.");
        }
    }

    public bool IsMatch(ReadOnlySpan<char> path) => _regex?.IsMatch(path) ?? path.SequenceEqual(_text);

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder(@"\A");
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when i + 1 < pattern.Length && pattern[i + 1] == '*':
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

    // Returns where it ends.
    private static int Set(string pattern, int at, StringBuilder regex)
    {
        var isNot = at < pattern.Length && pattern[at] == '^';
        at += isNot ? 1 : 0;
        regex.Append(isNot ? "[^" : "[");
        var start = at;
        while (at >= pattern.Length || pattern[at] != ']' || at == start)
        {
            var low = Letter(pattern, ref at);
            var high = at < pattern.Length && pattern[at] == '-' ? Letter(pattern, ref at, skip: 1) : low;
            regex.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)low:X4}-\\u{(high >= low ? (int)high : throw new FormatException()):X4}");
        }

        regex.Append(']');
        return at;
    }

    private static char Letter(string pattern, ref int at, int skip = 0)
    {
        at += skip;
        if (at >= pattern.Length || pattern[at] is '-' or ']')
        {
            throw new FormatException();
        }

        at += pattern[at] == '\\' ? 1 : 0;
        return at < pattern.Length ? pattern[at++] : throw new FormatException();
    }
}
