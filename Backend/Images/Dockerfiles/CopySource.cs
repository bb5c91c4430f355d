namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A path that a COPY or ADD takes from, name by name.</summary>
/// <param name="Text">As it was written, without variables.</param>
/// <param name="Names">From the root; none is the root itself.</param>
internal sealed record CopySource(string Text, IReadOnlyList<PathPattern> Names)
{
    /// <summary>Whether it may match nothing, as docker allows for wildcards: <c>COPY a.json lock.json* ./</c>.</summary>
    public bool IsOptional => Names.Any(static n => n.HasWildcards);

    /// <exception cref="DockerfileException">It is a URL, or cannot be read.</exception>
    public static CopySource Parse(string text, string instruction, int line)
    {
        if (text.Contains("://", StringComparison.Ordinal) || text.StartsWith("git@", StringComparison.Ordinal))
        {
            throw new DockerfileException(line, $"{instruction} does not download {text}: RUN curl or git with a checksum, so that the layer says what it has.");
        }

        return new CopySource(text, [.. DockerfileBuilder.Join("/", text).Split('/', StringSplitOptions.RemoveEmptyEntries).Select(n => PathPattern.Parse(n, line))]);
    }

    /// <summary>Whether a path of the context lies at or below it.</summary>
    public bool Holds(string path)
    {
        var rest = path.AsSpan();
        foreach (var name in Names)
        {
            var end = rest.IndexOf('/');
            if (rest.IsEmpty || !name.IsMatch(end < 0 ? rest : rest[..end]))
            {
                return false;
            }

            rest = end < 0 ? [] : rest[(end + 1)..];
        }

        return true;
    }
}
