using System.Text;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Replaces variables: <c>$x</c>, <c>${x}</c>, <c>${x:-default}</c>, <c>${x:+alternative}</c>, with or without the colon; and splits texts into words as a shell would.</summary>
internal static class Expansion
{
    // Defaults may hold variables themselves.
    private const int MaxDepth = 20;

    /// <exception cref="DockerfileException">A brace is not closed, or a form is unknown.</exception>
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables, char escape, int line, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw new DockerfileException(line, "variables are nested too deep.");
        }

        var result = new StringBuilder();
        var isLiteral = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == escape && i + 1 < text.Length && !isLiteral)
            {
                // Kept for whoever splits the words, but before a dollar, which it makes an ordinary letter.
                if (text[i + 1] != '$')
                {
                    result.Append(c);
                }

                result.Append(text[++i]);
            }
            else if (c == '\'')
            {
                isLiteral = !isLiteral;
                result.Append(c);
            }
            else if (c == '$' && !isLiteral && i + 1 < text.Length)
            {
                i = Variable(text, i, variables, escape, line, depth, result);
            }
            else
            {
                result.Append(c);
            }
        }

        return result.ToString();
    }

    /// <summary>Words, with quotes taken away.</summary>
    /// <exception cref="DockerfileException">A quote is not closed.</exception>
    public static List<string> Words(string text, char escape, int line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (isOpen, quote) = (false, '\0');
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == escape && i + 1 < text.Length && quote != '\'')
            {
                word.Append(text[++i]);
                isOpen = true;
            }
            else if (quote != '\0')
            {
                (quote, _) = c == quote ? ('\0', 0) : (quote, word.Append(c).Length);
            }
            else if (c is '"' or '\'')
            {
                (quote, isOpen) = (c, true);
            }
            else if (c is ' ' or '\t')
            {
                if (isOpen)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    isOpen = false;
                }
            }
            else
            {
                word.Append(c);
                isOpen = true;
            }
        }

        if (quote != '\0')
        {
            throw new DockerfileException(line, $"a quote {quote} is not closed.");
        }

        if (isOpen)
        {
            words.Add(word.ToString());
        }

        return words;
    }

    // Returns where the variable ends.
    private static int Variable(string text, int at, IReadOnlyDictionary<string, string> variables, char escape, int line, int depth, StringBuilder result)
    {
        if (text[at + 1] != '{')
        {
            var end = at + 1;
            while (end < text.Length && IsName(text[end], end > at + 1))
            {
                end++;
            }

            if (end == at + 1)
            {
                result.Append('$');
                return at;
            }

            result.Append(variables.GetValueOrDefault(text[(at + 1)..end], ""));
            return end - 1;
        }

        var close = Close(text, at + 2, line);
        var inside = text[(at + 2)..close];
        var length = 0;
        while (length < inside.Length && IsName(inside[length], length > 0))
        {
            length++;
        }

        var (name, rest) = (inside[..length], inside[length..]);
        if (length == 0)
        {
            throw new DockerfileException(line, $"'${{{inside}}}' names no variable.");
        }

        var isSet = variables.TryGetValue(name, out var value);
        var isNotEmpty = !string.IsNullOrEmpty(value);
        result.Append(rest switch
        {
            "" => value,
            [':', '-', .. var other] => isNotEmpty ? value : Expand(other, variables, escape, line, depth + 1),
            [':', '+', .. var other] => isNotEmpty ? Expand(other, variables, escape, line, depth + 1) : "",
            ['-', .. var other] => isSet ? value : Expand(other, variables, escape, line, depth + 1),
            ['+', .. var other] => isSet ? Expand(other, variables, escape, line, depth + 1) : "",
            _ => throw new DockerfileException(line, $"'${{{inside}}}' is a form that is not known; ${{x}}, ${{x:-default}} and ${{x:+alternative}} are."),
        });
        return close;
    }

    private static int Close(string text, int from, int line)
    {
        var open = 1;
        for (var i = from; i < text.Length; i++)
        {
            open += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (open == 0)
            {
                return i;
            }
        }

        throw new DockerfileException(line, "a brace ${ is not closed.");
    }

    private static bool IsName(char c, bool digits) => char.IsAsciiLetter(c) || c == '_' || (digits && char.IsAsciiDigit(c));
}
