using System.Text;

namespace Modal.Secrets;

/// <summary>Files of variables.</summary>
internal static class DotEnv
{
    /// <exception cref="InvalidRequestException">The file cannot be read, or a line cannot be understood.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidRequestException($"The secret's file {Path.GetFullPath(path)} cannot be read: {e.Message}", e);
        }

        return Parse(text.ReplaceLineEndings("\n"), path);
    }

    /// <summary>Of equal names the last one counts.</summary>
    internal static Dictionary<string, string> Parse(string text, string path)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var at = 0; at < text.Length;)
        {
            var end = LineEnd(text, at);
            var line = text[at..end].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                at = end + 1;
                continue;
            }

            var equals = text.IndexOf('=', at, end - at);
            var name = equals < 0 ? line : text[at..equals].Trim();
            name = name.StartsWith("export ", StringComparison.Ordinal) ? name["export ".Length..].Trim() : name;
            if (equals < 0 || name.Length == 0 || name.Any(char.IsWhiteSpace))
            {
                // Not the line itself: what looks wrong may be the rest of a value.
                throw new InvalidRequestException($"Line {text.AsSpan(0, at).Count('\n') + 1} of {path} is no NAME=value.");
            }

            at = equals + 1;
            while (at < end && text[at] is ' ' or '\t')
            {
                at++;
            }

            variables[name] = at < end && text[at] is '"' or '\'' ? Quoted(text, ref at, name, path) : Bare(text[at..end]);
            at = LineEnd(text, at) + 1;
        }

        return variables;
    }

    private static int LineEnd(string text, int at) => at < text.Length && text.IndexOf('\n', at) is >= 0 and var end ? end : text.Length;

    private static string Bare(string value) => (value.IndexOf(" #", StringComparison.Ordinal) is >= 0 and var comment ? value[..comment] : value.StartsWith('#') ? "" : value).Trim();

    private static string Quoted(string text, ref int at, string name, string path)
    {
        var quote = text[at++];
        var value = new StringBuilder();
        for (; at < text.Length; at++)
        {
            if (text[at] == quote)
            {
                return value.ToString();
            }

            if (quote == '"' && text[at] == '\\' && at + 1 < text.Length)
            {
                value.Append(text[++at] switch
                {
                    'n' => "\n",
                    't' => "\t",
                    'r' => "\r",
                    '"' or '\\' or '$' => $"{text[at]}",
                    _ => $"\\{text[at]}",
                });
            }
            else
            {
                value.Append(text[at]);
            }
        }

        throw new InvalidRequestException($"The value of {name} in {path} has no closing quote.");
    }
}
