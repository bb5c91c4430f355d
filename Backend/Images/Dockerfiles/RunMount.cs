namespace Modal.Backend.Images.Dockerfiles;

/// <summary>What a RUN has mounted while it runs.</summary>
/// <param name="Type">cache, bind, secret or tmpfs.</param>
/// <param name="Target">Where.</param>
/// <param name="Source">Of a bind: where in the context.</param>
/// <param name="Id">Of a cache or secret.</param>
/// <param name="IsRequired">Of a secret.</param>
internal sealed record RunMount(string Type, string Target, string Source, string Id, bool IsRequired)
{
    /// <exception cref="DockerfileException">It is not right.</exception>
    public static RunMount Parse(string text, string? workingDirectory, int line)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in text.Split(','))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            options[at < 0 ? part : part[..at]] = at < 0 ? "true" : part[(at + 1)..];
        }

        var type = options.GetValueOrDefault("type", "bind");
        if (type is not ("cache" or "bind" or "secret" or "tmpfs"))
        {
            throw new DockerfileException(line, $"--mount=type={type} is not known here; cache, bind, secret and tmpfs are.");
        }

        if (type == "bind" && options.ContainsKey("from"))
        {
            throw new DockerfileException(line, "--mount=type=bind,from=… is not possible here: COPY --from what the command needs.");
        }

        if (options.ContainsKey("env"))
        {
            throw new DockerfileException(line, "--mount=type=secret,env=… is not possible here: read the file, or give the secret to a RunCommands layer, which gets its variables.");
        }

        var id = options.GetValueOrDefault("id", "");
        var target = options.GetValueOrDefault("target") ?? options.GetValueOrDefault("dst") ?? options.GetValueOrDefault("destination") ?? (type == "secret" && id.Length > 0 ? $"/run/secrets/{id}" : null)
            ?? throw new DockerfileException(line, $"--mount={text} has no target.");
        target = DockerfileBuilder.Join(workingDirectory, target);
        var source = DockerfileBuilder.Join("/", options.GetValueOrDefault("source") ?? options.GetValueOrDefault("src") ?? "/");
        return new RunMount(type, target, source, id.Length > 0 ? id : type == "secret" ? target.Split('/')[^1] : target, options.GetValueOrDefault("required") == "true");
    }
}
