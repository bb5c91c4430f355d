namespace Modal.Images;

/// <summary>
/// Patterns of a .dockerignore file, as docker reads them: relative to the folder, with or without a slash before; <c>*</c> and <c>?</c> within a name, <c>**</c> over folders, <c>[a-z]</c>,
/// <c>[^a-z]</c>, a backslash before a letter that means itself; <c>!</c> before exceptions; a line whose first letter is <c>#</c> is a comment; spaces at both ends are no part of it. The last
/// that matches decides; what matches a folder matches all in it. Not as .gitignore: <c>*.log</c> means the top folder only, and <c>[!a]</c> is '!' or 'a'. Not safe for several threads.
/// </summary>
internal sealed class IgnorePatterns
{
    private readonly List<(Func<string, bool> Matches, bool IsException)> _patterns = [];

    // By folder, which patterns match it or one above it: each folder is asked for all in it.
    private readonly Dictionary<string, bool[]> _folders = new(StringComparer.Ordinal);

    /// <exception cref="InvalidRequestException">One cannot be read.</exception>
    public IgnorePatterns(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            var text = line.StartsWith('#') ? "" : line.Trim();
            var isException = text.StartsWith('!');
            var pattern = Clean((isException ? text[1..] : text).Trim());
            if (isException && text.Length == 1)
            {
                throw new InvalidRequestException("The ignore pattern '!' excepts nothing: a pattern must follow.");
            }

            if (pattern.Length > 0)
            {
                _patterns.Add((Compile(pattern), isException));
            }
        }
    }

    /// <summary>Whether there is an exception, so that a folder that is left out must be looked into all the same.</summary>
    public bool HasExceptions => _patterns.Exists(static p => p.IsException);

    /// <summary>Which lines are for a Dockerfile: those of <c>NAME.dockerignore</c> beside it, if there is such a file, else those of <c>.dockerignore</c> in the context; none if there is neither.</summary>
    /// <param name="dockerfile">Its path.</param>
    /// <param name="context">The context's folder.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<string[]> ReadAsync(string dockerfile, string context, CancellationToken cancellationToken)
    {
        var own = dockerfile + ".dockerignore";
        var file = File.Exists(own) ? own : Path.Combine(context, ".dockerignore");
        return File.Exists(file) ? await File.ReadAllLinesAsync(file, cancellationToken).ConfigureAwait(false) : [];
    }

    /// <summary>Whether a path is left out.</summary>
    /// <param name="path">Relative, with '/' between names.</param>
    public bool IsIgnored(string path) => Match(path, Folder(path), new bool[_patterns.Count]);

    private bool[] Folder(string path)
    {
        var end = path.LastIndexOf('/');
        if (end < 0)
        {
            return [];
        }

        var folder = path[..end];
        if (!_folders.TryGetValue(folder, out var matching))
        {
            _folders[folder] = matching = new bool[_patterns.Count];
            Match(folder, Folder(folder), matching);
        }

        return matching;
    }

    // As docker goes about it: a pattern that would change nothing is not tried, and so says nothing about what lies below either.
    private bool Match(string path, bool[] above, bool[] matching)
    {
        var isIgnored = false;
        for (var i = 0; i < _patterns.Count; i++)
        {
            var (matches, isException) = _patterns[i];
            matching[i] = (above.Length > 0 && above[i]) || (isException == isIgnored && matches(path));
            isIgnored = matching[i] ? !isException : isIgnored;
        }

        return isIgnored;
    }

    // Without ".", "..", and slashes too many. Empty if it is the folder itself.
    private static string Clean(string pattern)
    {
        var (parts, isRooted) = (new List<string>(), pattern.StartsWith('/'));
        foreach (var part in pattern.Split('/'))
        {
            if (part == ".." && parts.Count > 0 && parts[^1] != "..")
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or ".") && (part != ".." || !isRooted))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private static Func<string, bool> Compile(string pattern)
    {
        if (pattern.Length > WildcardPattern.MaxLength)
        {
            throw new InvalidRequestException($"An ignore pattern has {pattern.Length} characters; {WildcardPattern.MaxLength} are allowed.");
        }

        // What most patterns are; and "**x" is an end of a name too for docker, while it means whole names elsewhere.
        if (!WildcardPattern.HasWildcards(pattern))
        {
            return path => path == pattern;
        }

        if (pattern.StartsWith("**", StringComparison.Ordinal) && !WildcardPattern.HasWildcards(pattern[2..]))
        {
            var end = pattern[2..];
            return path => path.EndsWith(end, StringComparison.Ordinal) || (end.Length > 0 && end[0] == '/' && path.AsSpan().SequenceEqual(end.AsSpan(1)));
        }

        var regex = WildcardPattern.TryCompile(pattern) ?? throw new InvalidRequestException(
            $"The ignore pattern '{(pattern.Length <= 100 ? pattern : pattern[..97] + "...")}' cannot be read: it has a set such as [a-z] that is wrong or not closed, ends with a backslash, or has too much of everything.");
        return path => regex.IsMatch(path);
    }
}
