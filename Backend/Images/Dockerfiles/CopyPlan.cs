using System.Globalization;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>What a COPY or ADD is to do.</summary>
/// <param name="Sources">Paths from the root of what is copied from, maybe with wildcards.</param>
/// <param name="Documents">Files that stand in the Dockerfile: names and contents.</param>
/// <param name="Target">Where to; absolute. With a slash at its end it is a folder.</param>
/// <param name="Owner">Of <c>--chown</c>; empty for root.</param>
/// <param name="Mode">Of <c>--chmod</c>; null to keep what files have.</param>
/// <param name="Excluded">Of <c>--exclude</c>: paths below a source that is a folder, or names of sources.</param>
/// <param name="Unpacks">Whether archives of the context are unpacked.</param>
/// <param name="Line">The instruction's.</param>
internal sealed record CopyPlan(
    IReadOnlyList<CopySource> Sources, IReadOnlyList<(string Name, string Content)> Documents, string Target, string Owner, int? Mode, IReadOnlyList<PathPattern> Excluded, bool Unpacks, int Line)
{
    /// <exception cref="DockerfileException">It is not right.</exception>
    public static CopyPlan Make(Instruction instruction, string? workingDirectory, Expansion expansion)
    {
        var line = instruction.Line;
        var words = instruction.Json ?? Words.Plain(instruction.Text);
        if (words.Count < 2)
        {
            throw new DockerfileException(line, $"{instruction.Name} takes at least one source and a destination.");
        }

        var (sources, documents) = (new List<CopySource>(), new List<(string, string)>());
        foreach (var word in words.Take(words.Count - 1))
        {
            // Of two with the same name docker takes the last.
            if (HereDocument.Mark(word) is { } mark && instruction.Documents.LastOrDefault(d => d.Name == mark.Name) is { } document)
            {
                documents.Add((document.Name, document.IsExpanded ? expansion.Document(document.Content) : document.Content));
            }
            else
            {
                sources.Add(CopySource.Parse(Path(expansion, word, line), instruction.Name, line));
            }
        }

        if (HereDocument.Mark(words[^1]) is not null)
        {
            throw new DockerfileException(line, $"the last argument of {instruction.Name} is where to, and cannot be a here-document.");
        }

        var destination = Path(expansion, words[^1], line);
        var target = DockerfileBuilder.Join(workingDirectory, destination) + (destination is ['.'] or [.., '/'] or [.., '/', '.'] ? "/" : "");
        var excluded = instruction.AllOf("exclude").Select(e => e.StartsWith('!')
            ? throw new DockerfileException(line, $"--exclude={e}: exceptions are possible in .dockerignore only.")
            : PathPattern.Parse(DockerfileBuilder.Join("/", e)[1..], line)).ToList();
        return new CopyPlan(
            sources, documents, target, expansion.Word(instruction.Flag("chown") ?? ""), ModeOf(expansion.Word(instruction.Flag("chmod") ?? ""), line), excluded,
            instruction.Name == "ADD" && instruction.Flag("unpack") != "false", line);
    }

    /// <summary>Whether a path, or a folder that it lies in, is excluded.</summary>
    public bool IsExcluded(string path) => Excluded.Any(e => e.IsMatch(path));

    private static string Path(Expansion expansion, string word, int line)
    {
        try
        {
            return expansion.Word(word) is { Length: > 0 } path ? path : throw new DockerfileException(line, $"'{word}' stands for nothing: a path is needed.");
        }
        catch (DockerfileException e) when (e.Message.Contains("a quote", StringComparison.Ordinal))
        {
            throw new DockerfileException(line, $"'{word}' has a quote that is not closed; paths with spaces need the form [\"a b\", \"/to\"].");
        }
    }

    private static int? ModeOf(string text, int line)
    {
        if (text.Length == 0)
        {
            return null;
        }

        var digits = text.AsSpan().TrimStart('0');
        return digits.Length <= 4 && !digits.ContainsAnyExceptInRange('0', '7')
            ? digits.IsEmpty ? 0 : Convert.ToInt32(digits.ToString(), 8)
            : throw new DockerfileException(line, string.Create(CultureInfo.InvariantCulture, $"--chmod={text}: an octal number from 0 to 7777 is needed here, such as 755; for others RUN chmod."));
    }
}
