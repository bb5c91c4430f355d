using System.Text;
using System.Text.RegularExpressions;

namespace Modal.Images;

/// <summary>
/// Patterns of a .dockerignore file: <c>*</c> and <c>?</c> within a name, <c>**</c> over folders, <c>[a-z]</c>, <c>!</c> for exceptions, <c>#</c> for comments. The last that matches
/// decides; what matches a folder matches all in it.
/// </summary>
internal sealed class IgnorePatterns
{
    // A pattern that takes longer is a mistake, and must not hang the program.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);

    private readonly List<(Regex Pattern, bool IsException)> _patterns = [];

    public IgnorePatterns(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
            {
                continue;
            }

            var isException = text[0] == '!';
            text = (isException ? text[1..] : text).Trim().Trim('/');
            text = text.StartsWith("./", StringComparison.Ordinal) ? text[2..] : text;
            if (text.Length > 0 && text != ".")
            {
                _patterns.Add((Compile(text), isException));
            }
        }
    }

    /// <summary>Whether there is an exception, so that a folder that is left out must be looked into all the same.</summary>
    public bool HasExceptions => _patterns.Exists(static p => p.IsException);

    /// <summary>Whether a path is left out.</summary>
    /// <param name="path">Relative, with '/' between names.</param>
    public bool IsIgnored(string path)
    {
        var ignored = false;
        foreach (var (pattern, isException) in _patterns)
        {
            if (ignored == isException && pattern.IsMatch(path))
            {
                ignored = !isException;
            }
        }

        return ignored;
    }

    private static Regex Compile(string pattern)
    {
        try
        {
            return new Regex(Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, s_limit);
        }
        catch (ArgumentException e)
        {
            throw new InvalidRequestException($"The ignore pattern '{pattern}' cannot be read: {e.Message}");
        }
    }

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder("^");
        for (var i = 0; i < pattern.Length; i++)
        {
            var c = pattern[i];
            switch (c)
            {
                case '*' when i + 1 < pattern.Length && pattern[i + 1] == '*':
                    i++;
                    if (i + 1 < pattern.Length && pattern[i + 1] == '/')
                    {
                        // "**/x" is x in any folder, also in this one.
                        i++;
                        regex.Append("(?:.*/)?");
                    }
                    else
                    {
                        regex.Append(".*");
                    }

                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                case '[' when pattern.IndexOf(']', i + 2) is var end && end > 0:
                    var set = pattern[(i + 1)..end];
                    var isNot = set[0] is '^' or '!';
                    var members = (isNot ? set[1..] : set).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("[", "\\[", StringComparison.Ordinal).Replace("^", "\\^", StringComparison.Ordinal);
                    if (members.Length == 0 || !IsSet(members))
                    {
                        throw new InvalidRequestException($"The ignore pattern '{pattern}' has a set that cannot be read: '[{set}]'.");
                    }

                    regex.Append(isNot ? "[^/" : "[").Append(members).Append(']');
                    i = end;
                    break;
                case '\\' when i + 1 < pattern.Length:
                    regex.Append(Regex.Escape(pattern[++i].ToString()));
                    break;
                default:
                    regex.Append(Regex.Escape(c.ToString()));
                    break;
            }
        }

        return regex.Append("(?:/.*)?$").ToString();
    }

    // "z-a" is no range.
    private static bool IsSet(string members)
    {
        for (var i = 1; i < members.Length - 1; i++)
        {
            if (members[i] == '-' && members[i - 1] > members[i + 1])
            {
                return false;
            }
        }

        return true;
    }
}
