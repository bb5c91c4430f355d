using System.Text;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>Flags of instructions: which there are, and which of them mean something here. One that would change the image and cannot be obeyed is refused, not passed over.</summary>
internal static class InstructionFlags
{
    private const string NoDownload = "ADD does not download here: RUN curl or git with a checksum.";

    private static readonly Dictionary<string, string[]> s_known = new(StringComparer.Ordinal)
    {
        ["ADD"] = ["chmod", "chown", "exclude", "link", "unpack"],
        ["COPY"] = ["chmod", "chown", "exclude", "from", "link"],
        ["FROM"] = ["platform"],
        ["HEALTHCHECK"] = ["interval", "retries", "start-interval", "start-period", "timeout"],
        ["RUN"] = ["mount", "network", "security"],
    };

    // What docker has beside.
    private static readonly Dictionary<(string Instruction, string Flag), string> s_refused = new()
    {
        [("ADD", "checksum")] = NoDownload,
        [("ADD", "keep-git-dir")] = NoDownload,
        [("COPY", "parents")] = "COPY each folder to its own destination instead.",
        [("RUN", "device")] = "Build steps have no devices; the function that uses the image can have them.",
    };

    // Those whose only value allowed is what happens anyway.
    private static readonly Dictionary<(string Instruction, string Flag), string> s_only = new()
    {
        [("RUN", "network")] = "default",
        [("RUN", "security")] = "sandbox",
    };

    /// <summary>Takes the flags from the beginning of an instruction's text.</summary>
    /// <param name="text">Its text; then what follows the flags.</param>
    /// <param name="escape">The file's.</param>
    /// <param name="name">The instruction's.</param>
    /// <param name="line">The instruction's, from 1.</param>
    /// <exception cref="DockerfileException">One is unknown, cannot be obeyed, has a wrong value, or is there twice.</exception>
    public static List<KeyValuePair<string, string>> Take(ref string text, char escape, string name, int line)
    {
        var (flags, at) = (new List<KeyValuePair<string, string>>(), 0);
        while (text.AsSpan(at).StartsWith("--", StringComparison.Ordinal))
        {
            var word = Word(text, escape, ref at);
            while (at < text.Length && char.IsWhiteSpace(text[at]))
            {
                at++;
            }

            if (word == "--")
            {
                break;
            }

            flags.Add(Check(word, flags, name, line));
        }

        text = text[at..];
        return flags;
    }

    private static KeyValuePair<string, string> Check(string word, List<KeyValuePair<string, string>> before, string name, int line)
    {
        var at = word.IndexOf('=', StringComparison.Ordinal);
        var (flag, value) = at < 0 ? (word[2..], null) : (word[2..at], word[(at + 1)..]);
        if (s_refused.TryGetValue((name, flag), out var advice))
        {
            throw new DockerfileException(line, $"{name} --{flag} is not possible here. {advice}");
        }

        var known = s_known.GetValueOrDefault(name, []);
        if (!known.Contains(flag))
        {
            throw new DockerfileException(line, $"{name} has no flag --{Short(flag)}; {(known.Length == 0 ? "it takes none" : $"it takes {string.Join(", ", known.Select(static k => $"--{k}"))}")}.");
        }

        if (flag is not ("mount" or "exclude") && before.Exists(f => f.Key == flag))
        {
            throw new DockerfileException(line, $"{name} --{flag} is there twice.");
        }

        if (flag is "link" or "unpack")
        {
            value = (value ?? "true").ToUpperInvariant() switch
            {
                "TRUE" => "true",
                "FALSE" => "false",
                _ => throw new DockerfileException(line, $"{name} --{flag}={Short(value!)}: true or false is meant."),
            };
        }

        if (string.IsNullOrEmpty(value))
        {
            throw new DockerfileException(line, $"{name} --{flag} has no value: --{flag}=… is meant.");
        }

        return s_only.TryGetValue((name, flag), out var only) && value != only
            ? throw new DockerfileException(line, $"{name} --{flag}={Short(value)} is not possible here; {only} is what every step has. Remove the flag.")
            : KeyValuePair.Create(flag, value);
    }

    // Up to a space, without quotes and escapes.
    private static string Word(string text, char escape, ref int at)
    {
        var (word, quote) = (new StringBuilder(), '\0');
        for (; at < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[at])); at++)
        {
            var c = text[at];
            if (quote == '\0' && c is '"' or '\'')
            {
                quote = c;
            }
            else if (quote != '\0' && c == quote)
            {
                quote = '\0';
            }
            else if (c != escape)
            {
                word.Append(c);
            }
            else if (at + 1 < text.Length)
            {
                word.Append(text[++at]);
            }
        }

        return word.ToString();
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
