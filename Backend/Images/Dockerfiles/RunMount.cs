namespace Modal.Backend.Images.Dockerfiles;

/// <summary>What a RUN has mounted while it runs.</summary>
/// <param name="Type">cache, bind or secret.</param>
/// <param name="Target">Where.</param>
/// <param name="Source">Of a bind: where in the context.</param>
/// <param name="Id">Of a cache or secret.</param>
/// <param name="IsRequired">Of a secret.</param>
internal sealed record RunMount(string Type, string Target, string Source, string Id, bool IsRequired)
{
    private static readonly Dictionary<string, string[]> s_known = new(StringComparer.Ordinal)
    {
        ["bind"] = ["type", "target", "dst", "destination", "source", "src", "ro", "readonly"],
        ["cache"] = ["type", "target", "dst", "destination", "id", "sharing"],
        ["secret"] = ["type", "target", "dst", "destination", "id", "required"],
    };

    // What docker has beside, where people may look for it.
    private static readonly Dictionary<(string Type, string Option), string> s_advice = new()
    {
        [("bind", "from")] = "COPY --from what the command needs.",
        [("bind", "rw")] = "Copy what the command changes to another folder first.",
        [("bind", "readwrite")] = "Copy what the command changes to another folder first.",
        [("secret", "env")] = "Read the file, or give the secret to a RunCommands layer, which gets its variables.",
    };

    /// <exception cref="DockerfileException">It is not right.</exception>
    public static RunMount Parse(string text, Func<string, string> expand, string? workingDirectory, int line)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in text.Split(','))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            options[(at < 0 ? part : part[..at]).ToLowerInvariant()] = at < 0 ? "true" : expand(part[(at + 1)..]);
        }

        var type = options.GetValueOrDefault("type", "bind");
        var known = s_known.GetValueOrDefault(type) ?? throw new DockerfileException(line, $"--mount=type={type} is not known here; bind, cache and secret are.");
        if (options.Keys.FirstOrDefault(o => !known.Contains(o)) is { } unknown)
        {
            var advice = s_advice.GetValueOrDefault((type, unknown)) ?? $"It takes {string.Join(", ", known)}.";
            throw new DockerfileException(line, $"--mount=type={type},{unknown}=… is not possible here. {advice}");
        }

        var id = options.GetValueOrDefault("id", "");
        var target = options.GetValueOrDefault("target") ?? options.GetValueOrDefault("dst") ?? options.GetValueOrDefault("destination") ?? (type == "secret" && id.Length > 0 ? $"/run/secrets/{id}" : null)
            ?? throw new DockerfileException(line, $"--mount={text} has no target.");
        target = DockerfileBuilder.Join(workingDirectory, target);
        var source = DockerfileBuilder.Join("/", options.GetValueOrDefault("source") ?? options.GetValueOrDefault("src") ?? "/");
        return new RunMount(type, target, source, id.Length > 0 ? id : type == "secret" ? target.Split('/')[^1] : target, options.GetValueOrDefault("required") == "true");
    }
}
