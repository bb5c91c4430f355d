using System.Text;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>
/// Replaces the variables of one instruction as docker does and takes quotes and escapes away: <c>$x</c>, <c>${x}</c>, <c>${x:-default}</c>, <c>${x:+alternative}</c>, <c>${x:?message}</c>
/// (each also without the colon), <c>${x#prefix}</c>, <c>${x%suffix}</c> (doubled for the longest), <c>${x/pattern/text}</c> (<c>//</c> for all). For one instruction: what it makes is counted.
/// </summary>
/// <param name="variables">Their values; may change between words.</param>
/// <param name="escape">The file's.</param>
/// <param name="line">The instruction's, from 1.</param>
internal sealed class Expansion(IReadOnlyDictionary<string, string> variables, char escape, int line)
{
    /// <summary>The longest value. No program can be given a longer variable: the kernel's MAX_ARG_STRLEN, 32 pages (execve(2)).</summary>
    public const int MaxValueLength = 128 * 1024;

    // Twice the longest Dockerfile: many long values in one instruction would fill the memory else.
    private const int MaxTotalLength = 8 * 1024 * 1024;

    // Defaults may hold variables themselves; each level is one on the stack.
    private const int MaxDepth = 100;

    private const char None = '\uFFFF';

    private int _made;

    /// <summary>One word, which stays one whatever the values hold.</summary>
    /// <exception cref="DockerfileException">A quote or brace is not closed, a form is unknown, a variable with <c>?</c> is not set, or the result is too long.</exception>
    public string Word(string text)
    {
        var at = 0;
        return Read(text, ref at, None, escape, hasQuotes: true, keepsEscapes: false, MaxValueLength, 0);
    }

    /// <summary>A here-document: quotes are letters like others, and a backslash is the escape whatever the file's is.</summary>
    /// <exception cref="DockerfileException">As for a word.</exception>
    public string Document(string text)
    {
        var at = 0;
        return Read(text, ref at, None, '\\', hasQuotes: false, keepsEscapes: false, MaxTotalLength, 0);
    }

    private string Read(string text, ref int at, char stop, char escaping, bool hasQuotes, bool keepsEscapes, int limit, int depth)
    {
        if (depth > MaxDepth)
        {
            throw Error($"variables are nested more than {MaxDepth} deep.");
        }

        var (result, inDouble) = (new StringBuilder(), false);
        while (at < text.Length)
        {
            var c = text[at++];
            if (c == stop && stop != None && !inDouble)
            {
                return result.ToString();
            }

            if (c == '$')
            {
                Append(result, Variable(text, ref at, escaping, hasQuotes, depth), limit);
            }
            else if (c == '"' && hasQuotes)
            {
                inDouble = !inDouble;
            }
            else if (c == '\'' && hasQuotes && !inDouble)
            {
                var end = text.IndexOf('\'', at);
                Append(result, end < 0 ? throw Error("a quote ' is not closed.") : text[at..end], limit);
                at = end + 1;
            }
            else if (c == escaping)
            {
                // Between double quotes it takes only from these their meaning.
                if (keepsEscapes || (inDouble && at < text.Length && text[at] is not ('"' or '$') && text[at] != escaping))
                {
                    Append(result, c, limit);
                }

                if (at < text.Length && (!inDouble || text[at] is '"' or '$' || text[at] == escaping))
                {
                    Append(result, text[at++], limit);
                }
            }
            else
            {
                Append(result, c, limit);
            }
        }

        return inDouble ? throw Error("a quote \" is not closed.") : stop != None ? throw Error($"a variable's '{stop}' is missing: ${{x}} is meant, or \\$ for a dollar.") : result.ToString();
    }

    // After the dollar; what it stands for.
    private string Variable(string text, ref int at, char escaping, bool hasQuotes, int depth)
    {
        if (at >= text.Length || text[at] != '{')
        {
            var plain = Name(text, ref at);
            return plain.Length == 0 ? "$" : variables.GetValueOrDefault(plain, "");
        }

        var start = at++;
        var name = Name(text, ref at);
        if (name.Length == 0 || at >= text.Length)
        {
            throw Error(at >= text.Length ? "a brace ${ is not closed." : $"'${Short(text, start)}' names no variable.");
        }

        var isSet = variables.TryGetValue(name, out var value);
        var form = text[at++];
        var isEmptyUnset = form == ':' && at < text.Length && text[at] is '-' or '+' or '?';
        if (isEmptyUnset)
        {
            form = text[at++];
            isSet = isSet && value!.Length > 0;
        }

        var other = form switch
        {
            '}' => "",
            '-' or '+' or '?' => Read(text, ref at, '}', escaping, hasQuotes, keepsEscapes: false, MaxValueLength, depth + 1),
            '#' or '%' => Read(text, ref at, '}', escaping, hasQuotes, keepsEscapes: true, MaxValueLength, depth + 1),
            '/' => "",
            _ => throw Error($"'${Short(text, start)}' is a form that is not known; ${{x}}, ${{x:-default}}, ${{x:+alternative}}, ${{x:?message}}, ${{x#prefix}}, ${{x%suffix}} and ${{x/pattern/text}} are."),
        };
        return form switch
        {
            '-' => isSet ? value! : other,
            '+' => isSet ? other : "",
            '?' => isSet ? value! : throw Error($"{name}: {(other.Length > 0 ? other : isEmptyUnset ? "it must have a value." : "it must be set.")}"),
            '#' or '%' => Cut(value ?? "", other, form),
            '/' => Replace(text, ref at, value ?? "", escaping, hasQuotes, depth),
            _ => value ?? "",
        };
    }

    private string Cut(string value, string pattern, char form)
    {
        var isLongest = pattern.StartsWith(form);
        var parsed = ShellPattern.Parse(isLongest ? pattern[1..] : pattern, escape, line);
        return form == '#' ? value[parsed.Prefix(value, isLongest)..] : value[..^parsed.Suffix(value, isLongest)];
    }

    private string Replace(string text, ref int at, string value, char escaping, bool hasQuotes, int depth)
    {
        var isAll = at < text.Length && text[at] == '/';
        at += isAll ? 1 : 0;
        var pattern = ShellPattern.Parse(Read(text, ref at, '/', escaping, hasQuotes, keepsEscapes: true, MaxValueLength, depth + 1), escape, line);
        var with = Read(text, ref at, '}', escaping, hasQuotes, keepsEscapes: false, MaxValueLength, depth + 1);
        var (result, from) = (new StringBuilder(), 0);
        while (pattern.Find(value, from) is ( >= 0, > 0) found)
        {
            Append(result, value.AsSpan(from, found.Start - from), MaxValueLength);
            Append(result, with, MaxValueLength);
            from = found.Start + found.Length;
            if (!isAll)
            {
                break;
            }
        }

        Append(result, value.AsSpan(from), MaxValueLength);
        return result.ToString();
    }

    // Letters and digits; or a number, or one of the shell's signs, which are never set here.
    private static string Name(string text, ref int at)
    {
        var start = at;
        if (at < text.Length && text[at] is '@' or '*' or '#' or '?' or '-' or '$' or '!')
        {
            at++;
        }
        else if (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at += text.AsSpan(at).IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : text.Length - at;
        }
        else
        {
            while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
            {
                at++;
            }
        }

        return text[start..at];
    }

    private void Append(StringBuilder result, ReadOnlySpan<char> text, int limit)
    {
        _made += text.Length;
        if (result.Length + text.Length > limit)
        {
            throw Error($"a value grows beyond {limit / 1024} KiB, which is all that one can have.");
        }

        if (_made > MaxTotalLength)
        {
            throw Error($"the values of this instruction grow beyond {MaxTotalLength / 1024 / 1024} MiB.");
        }

        result.Append(text);
    }

    private void Append(StringBuilder result, char c, int limit) => Append(result, new ReadOnlySpan<char>(in c), limit);

    private static string Short(string text, int at) => text.AsSpan(at).IndexOf('}') is var end and >= 0 and < 60 ? text.Substring(at, end + 1) : text.Substring(at, Math.Min(60, text.Length - at));

    private DockerfileException Error(string message) => new(line, message);
}
