using System.Text;
using Modal.Backend.Store.Trees;

namespace Modal.Backend.Images.Dockerfiles;

/// <summary>A path that a COPY or ADD takes from, name by name.</summary>
/// <param name="Text">As it was written, without variables.</param>
/// <param name="Names">From the root; none is the root itself.</param>
internal sealed record CopySource(string Text, IReadOnlyList<PathPattern> Names)
{
    // As many as the kernel follows (path_resolution(7)).
    private const int MaxLinks = 40;

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

    /// <summary>What it names. A link that it names is followed, inside the tree; one in a folder that it names is not.</summary>
    /// <returns>Paths without a slash before, and the last name of each as it was named. Empty if there is nothing, also if a link leads to nothing.</returns>
    public List<(string Name, string Path)> Find(TreeNode root)
    {
        var found = new List<(string Name, string Path)> { ("", "") };
        foreach (var name in Names)
        {
            found = [.. found.SelectMany(f => root.Find(f.Path) is { IsDirectory: true } folder
                ? folder.Children.Keys.Select(static k => k.ToString()).Where(k => name.IsMatch(k)).Select(k => (k, Resolve(root, $"{f.Path}/{k}"))).Where(static r => r.Item2 is not null).Select(static r => (r.k, r.Item2!))
                : [])];
        }

        return found;
    }

    private static string? Resolve(TreeNode root, string path)
    {
        var (left, names, links) = (new Stack<string>(path.Split('/').Reverse()), new List<string>(), 0);
        while (left.TryPop(out var part))
        {
            if (part == "..")
            {
                names.RemoveRange(Math.Max(0, names.Count - 1), Math.Min(1, names.Count));
            }
            else if (part is not ("" or "."))
            {
                var node = root.Find($"{string.Join('/', names)}/{part}");
                if (node is not { IsLink: true })
                {
                    names.Add(part);
                }
                else
                {
                    var target = Encoding.UTF8.GetString(node.Target.Span);
                    names = target.StartsWith('/') ? [] : names;
                    target.Split('/').Reverse().ToList().ForEach(left.Push);
                }

                if (node is null || (node.IsLink && ++links > MaxLinks))
                {
                    return null;
                }
            }
        }

        return string.Join('/', names);
    }
}
