using System.Text;
using System.Text.RegularExpressions;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Takes Dockerfiles apart: lines into instructions, instructions into stages. What an instruction means is the matter of who builds it.</summary>
internal static partial class DockerfileParser
{
    private const int MaxBytes = 4 * 1024 * 1024;

    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    };

    private static readonly HashSet<string> s_withDocuments = new(StringComparer.Ordinal) { "ADD", "COPY", "RUN" };

    /// <exception cref="DockerfileException">It is not one.</exception>
    public static Dockerfile Parse(string text)
    {
        if (text.Length > MaxBytes)
        {
            throw new DockerfileException(1, "it is longer than 4 MiB.");
        }

        var lines = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        var escape = EscapeOf(lines);
        var arguments = new List<Instruction>();
        var stages = new List<(Instruction From, List<Instruction> Instructions)>();
        for (var at = 0; at < lines.Length;)
        {
            if (Read(lines, ref at, escape) is not { } instruction)
            {
                continue;
            }

            if (instruction.Name == "FROM")
            {
                stages.Add((instruction, []));
            }
            else if (stages.Count > 0)
            {
                stages[^1].Instructions.Add(instruction);
            }
            else
            {
                arguments.Add(instruction.Name == "ARG" ? instruction : throw new DockerfileException(instruction.Line, $"{instruction.Name} comes before the first FROM; only ARG may."));
            }
        }

        return stages.Count == 0
            ? throw new DockerfileException(1, "it has no FROM.")
            : new Dockerfile(arguments, [.. stages.Select(static (s, i) => new Stage(i, NameOf(s.From), s.From, s.Instructions))], escape);
    }

    /// <summary>The array of an instruction in JSON form; null if it is not in that form.</summary>
    public static IReadOnlyList<string>? JsonForm(string text)
    {
        if (!text.StartsWith('['))
        {
            return null;
        }

        try
        {
            return System.Text.Json.JsonSerializer.Deserialize(text, DockerfileJson.Default.StringArray) is { } array && !array.Contains(null) ? array : null;
        }
        catch (System.Text.Json.JsonException)
        {
            // Docker takes it for a shell's text then, such as [ -f x ].
            return null;
        }
    }

    private static string NameOf(Instruction from)
    {
        var match = FromPattern().Match(from.Text);
        return match.Success ? match.Groups["name"].Value : throw new DockerfileException(from.Line, $"'FROM {from.Text}' is not FROM image [AS name].");
    }

    // "# escape=`" counts only before everything else.
    private static char EscapeOf(string[] lines)
    {
        foreach (var line in lines)
        {
            var match = DirectivePattern().Match(line);
            if (!match.Success)
            {
                return '\\';
            }

            if (match.Groups["name"].Value.Equals("escape", StringComparison.OrdinalIgnoreCase))
            {
                return match.Groups["value"].Value is ['\\' or '`'] value ? value[0] : throw new DockerfileException(1, "the escape character can be \\ or `.");
            }
        }

        return '\\';
    }

    private static Instruction? Read(string[] lines, ref int at, char escape)
    {
        var first = lines[at].TrimStart();
        if (first.Length == 0 || first[0] == '#')
        {
            at++;
            return null;
        }

        var start = at;
        var text = new StringBuilder();
        while (at < lines.Length)
        {
            var line = at == start ? first : lines[at];
            at++;

            // Comments and empty lines inside a continued instruction are skipped.
            if (at - 1 > start && (line.TrimStart() is "" or ['#', ..]))
            {
                continue;
            }

            var trimmed = line.TrimEnd();
            if (!trimmed.EndsWith(escape))
            {
                text.Append(line);
                break;
            }

            text.Append(trimmed.AsSpan(0, trimmed.Length - 1));
        }

        var (name, rest) = Word(text.ToString());
        name = name.ToUpperInvariant();
        if (!s_known.Contains(name))
        {
            throw new DockerfileException(start + 1, $"'{name}' is no instruction.");
        }

        var flags = new List<KeyValuePair<string, string>>();
        while (rest.StartsWith("--", StringComparison.Ordinal) && FlagPattern().Match(rest) is { Success: true } flag)
        {
            flags.Add(KeyValuePair.Create(flag.Groups["name"].Value, flag.Groups["value"].Value));
            rest = rest[flag.Length..].TrimStart();
        }

        var documents = s_withDocuments.Contains(name) ? Documents(rest, lines, ref at, start + 1) : [];
        return new Instruction(start + 1, name, flags, rest.Trim(), documents);
    }

    private static List<HereDocument> Documents(string text, string[] lines, ref int at, int line)
    {
        var documents = new List<HereDocument>();
        foreach (Match mark in HerePattern().Matches(text))
        {
            var (name, keepTabs) = (mark.Groups["name"].Value, !mark.Groups["dash"].Success);
            var content = new StringBuilder();
            while (true)
            {
                if (at >= lines.Length)
                {
                    throw new DockerfileException(line, $"the here-document <<{name} has no end: a line with {name} alone.");
                }

                var next = keepTabs ? lines[at] : lines[at].TrimStart('\t');
                at++;
                if (next == name)
                {
                    break;
                }

                content.Append(next).Append('\n');
            }

            documents.Add(new HereDocument(name, content.ToString(), !mark.Groups["quote"].Success));
        }

        return documents;
    }

    private static (string First, string Remainder) Word(string text)
    {
        var end = text.AsSpan().IndexOfAny(' ', '\t');
        return end < 0 ? (text, "") : (text[..end], text[end..].TrimStart());
    }

    [GeneratedRegex(@"^\S+(\s+(?i:as)\s+(?<name>[A-Za-z0-9][A-Za-z0-9._-]*))?\s*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex FromPattern();

    [GeneratedRegex(@"^\s*#\s*(?<name>[A-Za-z]+)\s*=\s*(?<value>\S*)\s*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex DirectivePattern();

    [GeneratedRegex(@"^--(?<name>[a-z][a-z0-9-]*)(=(?<value>\S*))?", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex FlagPattern();

    [GeneratedRegex(@"<<(?<dash>-)?(?<quote>[""'])?(?<name>[A-Za-z_][A-Za-z0-9_]*)[""']?", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex HerePattern();
}
