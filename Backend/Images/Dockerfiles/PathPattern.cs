using System.Text.RegularExpressions;
using Modal.Images;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>
/// A pattern of names as in Go's filepath.Match, which docker uses: <c>*</c> and <c>?</c> within a name, <c>[a-z]</c>, <c>[^a-z]</c>, a backslash before a letter that means itself. For
/// <c>--exclude</c> also <c>**</c> over folders. Time is linear in what is matched.
/// </summary>
internal sealed class PathPattern
{
    private readonly string _text;
    private readonly Regex? _regex;

    private PathPattern(string text, Regex? regex) => (_text, _regex) = (text, regex);

    /// <summary>Whether it is more than a name.</summary>
    public bool HasWildcards => _regex is not null;

    /// <exception cref="DockerfileException">It cannot be read.</exception>
    public static PathPattern Parse(string pattern, int line)
    {
        if (pattern.Length > WildcardPattern.MaxLength)
        {
            throw new DockerfileException(line, $"a path has {pattern.Length} characters; {WildcardPattern.MaxLength} are allowed.");
        }

        if (!WildcardPattern.HasWildcards(pattern))
        {
            return new PathPattern(pattern, null);
        }

        return new PathPattern(pattern, WildcardPattern.TryCompile(pattern) ?? throw new DockerfileException(
            line,
            $"the pattern '{(pattern.Length <= 100 ? pattern : pattern[..97] + "...")}' cannot be read: it has a set such as [a-z] that is wrong or not closed, or too much of everything."));
    }

    public bool IsMatch(ReadOnlySpan<char> path) => _regex?.IsMatch(path) ?? path.SequenceEqual(_text);
}
