using System.Text;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A here-document.</summary>
/// <param name="Name">The word that ends it, without quotes.</param>
/// <param name="IsExpanded">Whether variables in it are replaced: no part of the word was quoted.</param>
/// <param name="TrimsTabs">Whether tabs at the beginning of its lines are no part of it: <c>&lt;&lt;-</c>.</param>
/// <param name="Raw">Its lines as they are, each with its end.</param>
internal sealed record HereDocument(string Name, bool IsExpanded, bool TrimsTabs, string Raw = "")
{
    /// <summary>What it holds.</summary>
    public string Content => TrimsTabs ? string.Concat(Raw.Split('\n').Select(static (l, i) => (i > 0 ? "\n" : "") + l.TrimStart('\t'))) : Raw;

    /// <summary>The mark that a word is, such as <c>&lt;&lt;EOF</c>, <c>3&lt;&lt;-"END"</c>; null if it is none, such as <c>&lt;&lt;&lt;x</c> or <c>1&lt;2</c>.</summary>
    public static HereDocument? Mark(string word)
    {
        var rest = word.AsSpan().TrimStart("0123456789");
        if (!rest.StartsWith("<<", StringComparison.Ordinal))
        {
            return null;
        }

        rest = rest[2..];
        var trimsTabs = rest is ['-', ..];
        rest = (trimsTabs ? rest[1..] : rest).TrimStart();
        if (rest.IsEmpty || rest.Contains('<') || Words.Split(rest.ToString(), '\\') is not [var mark])
        {
            return null;
        }

        return Words.Unquote(mark, '\\') is ({ Length: > 0 } name, var wasQuoted) ? new HereDocument(name, !wasQuoted, trimsTabs) : null;
    }

    /// <summary>Reads those whose marks are in the text of an instruction, one after the other.</summary>
    /// <param name="text">The instruction's.</param>
    /// <param name="lines">Of the file.</param>
    /// <param name="at">The line after the instruction; then the one after the documents.</param>
    /// <param name="line">The instruction's, from 1.</param>
    /// <exception cref="DockerfileException">One has no end.</exception>
    public static List<HereDocument> Read(string text, string[] lines, ref int at, int line)
    {
        var documents = new List<HereDocument>();
        foreach (var mark in text.Contains("<<", StringComparison.Ordinal) ? Words.ForMarks(text).Select(Mark).OfType<HereDocument>() : [])
        {
            var content = new StringBuilder();
            while (true)
            {
                if (at >= lines.Length)
                {
                    throw new DockerfileException(line, $"the here-document <<{mark.Name} has no end: a line with {mark.Name} alone.");
                }

                var next = lines[at++];
                if ((mark.TrimsTabs ? next.AsSpan().TrimStart('\t') : next).TrimEnd('\r').SequenceEqual(mark.Name))
                {
                    break;
                }

                content.Append(next).Append('\n');
            }

            documents.Add(mark with { Raw = content.ToString() });
        }

        return documents;
    }
}
