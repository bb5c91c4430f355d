using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Takes Dockerfiles apart: lines into instructions, instructions into stages. What an instruction means is the matter of who builds it.</summary>
internal static partial class DockerfileParser
{
    private const int MaxBytes = 4 * 1024 * 1024;

    // Each ENV copies all variables; nobody writes as many by hand, and a file system of as many layers could not be mounted anywhere else.
    private const int MaxInstructions = 10_000;

    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    };

    private static readonly HashSet<string> s_withDocuments = new(StringComparer.Ordinal) { "ADD", "COPY", "RUN" };

    private static readonly HashSet<string> s_withJson = new(StringComparer.Ordinal) { "ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME" };

    private static readonly HashSet<string> s_neverTriggers = new(StringComparer.Ordinal) { "FROM", "MAINTAINER", "ONBUILD" };

    /// <exception cref="DockerfileException">It is not one.</exception>
    public static Dockerfile Parse(string text)
    {
        if (text.Length > MaxBytes)
        {
            throw new DockerfileException(1, "it is longer than 4 MiB.");
        }

        // Not at other ends of lines than these, such as U+2028: they are text in commands and documents.
        var lines = text.TrimStart('\uFEFF').Split('\n');
        if (Array.FindIndex(lines, static l => l.Contains('\0', StringComparison.Ordinal)) is var binary and >= 0)
        {
            throw new DockerfileException(binary + 1, "it has a zero byte: it is no text, or not in UTF-8.");
        }

        var escape = EscapeOf(lines);
        var arguments = new List<Instruction>();
        var stages = new List<(Instruction From, List<Instruction> Instructions)>();
        for (var (at, count) = (0, 0); at < lines.Length;)
        {
            if (Read(lines, ref at, escape) is not { } instruction)
            {
                continue;
            }

            if (++count > MaxInstructions)
            {
                throw new DockerfileException(instruction.Line, $"it has more than {MaxInstructions} instructions.");
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

    private static string NameOf(Instruction from) => Words.Plain(from.Text) switch
    {
        [_] => "",
        [_, var word, var name] when word.Equals("AS", StringComparison.OrdinalIgnoreCase) => StageNamePattern().IsMatch(name)
            ? name
            : throw new DockerfileException(from.Line, $"'{name}' is no name for a stage: a letter, then letters, digits, '.', '_' and '-'."),
        _ => throw new DockerfileException(from.Line, $"'FROM {from.Text}' is not FROM image [AS name]."),
    };

    // "# escape=`" counts only before everything else, and after no comment but directives.
    private static char EscapeOf(string[] lines)
    {
        var (seen, escape) = (new HashSet<string>(StringComparer.OrdinalIgnoreCase), '\\');
        for (var i = 0; i < lines.Length; i++)
        {
            var match = DirectivePattern().Match(lines[i]);
            var name = match.Groups["name"].Value.ToUpperInvariant();
            if (name is not ("ESCAPE" or "SYNTAX" or "CHECK"))
            {
                break;
            }

            if (!seen.Add(name))
            {
                throw new DockerfileException(i + 1, $"the directive {match.Groups["name"].Value} is there twice.");
            }

            if (name == "ESCAPE")
            {
                escape = match.Groups["value"].Value is ['\\' or '`'] value ? value[0] : throw new DockerfileException(i + 1, "the escape character can be \\ or `.");
            }
        }

        return escape;
    }

    private static Instruction? Read(string[] lines, ref int at, char escape)
    {
        var start = at;
        var text = new StringBuilder();
        for (var goesOn = true; goesOn && at < lines.Length; at++)
        {
            // Comments and empty lines inside a continued instruction are skipped.
            var line = at == start ? lines[at].AsSpan().TrimStart().TrimEnd('\r') : lines[at].AsSpan().TrimEnd('\r');
            if (line.TrimStart() is [] or ['#', ..])
            {
                goesOn = at > start;
                continue;
            }

            // Two of them at the end are an escaped one, and not the end of a line.
            var end = line.TrimEnd(" \t");
            goesOn = end.EndsWith([escape]) && !(end.Length > 1 && end[^2] == escape);
            text.Append(goesOn ? end[..^1] : line);
        }

        var whole = text.ToString().Trim();
        return whole.Length == 0 ? null : Make(whole, lines, ref at, escape, start + 1, isTrigger: false);
    }

    private static Instruction Make(string whole, string[] lines, ref int at, char escape, int line, bool isTrigger)
    {
        var (name, text) = Words.First(whole);
        name = name.ToUpperInvariant();
        if (!s_known.Contains(name))
        {
            throw new DockerfileException(line, $"'{(name.Length <= 60 ? name : name[..57] + "...")}' is no instruction.");
        }

        if (isTrigger && s_neverTriggers.Contains(name))
        {
            throw new DockerfileException(line, $"ONBUILD {name} is not possible.");
        }

        var flags = InstructionFlags.Take(ref text, escape, name, line);
        if (isTrigger && flags.Exists(static f => f.Key == "from"))
        {
            throw new DockerfileException(line, "ONBUILD COPY --from is not possible here: write it in the stage that needs it.");
        }

        if (name == "ONBUILD")
        {
            return new Instruction(line, name, flags, text, null, [], text.Length > 0 ? Make(text, lines, ref at, escape, line, isTrigger: true) : throw new DockerfileException(line, "ONBUILD has no instruction."));
        }

        var json = s_withJson.Contains(name) ? Json(text, line) : null;
        return new Instruction(line, name, flags, text, json, json is null && s_withDocuments.Contains(name) ? HereDocument.Read(text, lines, ref at, line) : [], null);
    }

    // What cannot be read as JSON is a shell's text, such as [ -f x ].
    private static List<string>? Json(string text, int line)
    {
        if (!text.StartsWith('['))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            var items = json.RootElement.EnumerateArray().ToList();
            return items.TrueForAll(static i => i.ValueKind == JsonValueKind.String)
                ? [.. items.Select(static i => i.GetString()!)]
                : throw new DockerfileException(line, "an array must have texts only, in double quotes: [\"a\", \"b\"].");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9._-]*\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex StageNamePattern();

    [GeneratedRegex(@"^\s*#\s*(?<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?<value>.*?)\s*$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex DirectivePattern();
}
