namespace Modal.Images.Definitions;

/// <summary>
/// What each method of <c>Image</c> means, as a layer. Compiled into the Sdk, which evaluates images, and into the generator, which folds them, so that both mean the same.
/// Methods and parameters are called as those of <c>Image</c>, because faults name them. All throw <see cref="ArgumentException"/> for what cannot be.
/// </summary>
internal static class ImageLayers
{
    private static readonly (string, string)[] s_copy = [("copy", "true")];

    public static LayerDefinition DebianSlim() => new("debian-slim");

    public static LayerDefinition FromRegistry(string reference, string? credentials) =>
        new("from-registry", [Check.NotBlank(reference, nameof(reference))]) { Secrets = credentials is null ? [] : [credentials] };

    public static LayerDefinition FromDockerfile(string path, string? contextDirectory, IEnumerable<KeyValuePair<string, string>>? buildArguments, string? target)
    {
        Check.NotBlank(path, nameof(path));
        var options = (buildArguments ?? []).Select(static a => ("build-arg", $"{a.Key}={a.Value}")).ToList();
        if (target is not null)
        {
            options.Add(("target", target));
        }

        return new("from-dockerfile", [], options) { Local = new(LocalFilesKind.Dockerfile, path, contextDirectory) };
    }

    public static LayerDefinition FromTar(string path) => new("from-tar") { Local = new(LocalFilesKind.File, Check.NotBlank(path, nameof(path))) };

    public static LayerDefinition FromScratch() => new("from-scratch");

    public static LayerDefinition AptInstall(StepDefinition? options, IReadOnlyList<string> packages) => With(new("apt-install", Sorted(packages, nameof(packages))), options);

    public static LayerDefinition PipInstall(PipDefinition options, IReadOnlyList<string> packages) => Pip("pip-install", options, packages);

    public static LayerDefinition UvPipInstall(PipDefinition options, IReadOnlyList<string> packages) => Pip("uv-pip-install", options, packages);

    public static LayerDefinition NpmInstall(IReadOnlyList<string> packages) => new("npm-install", Sorted(packages, nameof(packages)));

    public static LayerDefinition DotnetTool(string package, string? version)
    {
        Check.NotBlank(package, nameof(package));
        return new("dotnet-tool", version is null ? [package] : [package, version]);
    }

    public static LayerDefinition RunCommands(StepDefinition? options, IReadOnlyList<string> commands) =>
        With(new("run-commands", Check.NotEmpty(commands, "command", nameof(commands))), options);

    public static LayerDefinition RunFunction(StepDefinition? options, string function, string assembly, byte[] arguments) =>
        With(new("run-function", [function], [("arguments", Convert.ToBase64String(arguments)), ("assembly", assembly)]), options);

    public static LayerDefinition Env(string name, string value) => new("env", [], [(Check.VariableName(name, nameof(name)), Check.NotNull(value, nameof(value)))]);

    public static LayerDefinition Workdir(string path) => new("workdir", [Check.Absolute(path, nameof(path))]);

    public static LayerDefinition Entrypoint(IReadOnlyList<string> command) => new("entrypoint", Check.NotNull(command, nameof(command)));

    public static LayerDefinition User(string user) => new("user", [Check.NotBlank(user, nameof(user))]);

    public static LayerDefinition AddLocalFile(string localPath, string remotePath, bool copy)
    {
        Check.NotBlank(localPath, nameof(localPath));
        return new("add-local-file", [Check.Absolute(remotePath, nameof(remotePath))], copy ? s_copy : []) { Local = new(LocalFilesKind.File, localPath) };
    }

    public static LayerDefinition AddLocalDirectory(string localPath, string remotePath, bool copy, IReadOnlyList<string>? ignore)
    {
        Check.NotBlank(localPath, nameof(localPath));
        return new("add-local-directory", [Check.Absolute(remotePath, nameof(remotePath))], copy ? s_copy : [])
        {
            Local = new(LocalFilesKind.Directory, localPath, Ignore: string.Join("\n", ignore ?? [])),
        };
    }

    /// <summary>Not a layer more: the last one, to be built in any case.</summary>
    public static LayerDefinition ForceBuild(LayerDefinition last) => last with { ForceBuild = true };

    private static LayerDefinition Pip(string operation, PipDefinition options, IReadOnlyList<string> packages)
    {
        Check.NotNull(options, nameof(options));
        Check.NotNull(packages, nameof(packages));
        var settings = new List<(string, string)>();
        settings.AddRange(options.ExtraIndexUrls.Select(static u => ("extra-index-url", u)));
        if (options.ExtraOptions.Length > 0)
        {
            settings.Add(("extra-options", options.ExtraOptions));
        }

        settings.AddRange(options.FindLinks.Select(static l => ("find-links", l)));
        if (options.IndexUrl is not null)
        {
            settings.Add(("index-url", options.IndexUrl));
        }

        if (options.Pre)
        {
            settings.Add(("pre", "true"));
        }

        if (options.RequirementsFile is null)
        {
            return With(new(operation, Sorted(packages, nameof(packages)), settings), options);
        }

        settings.Add(("requirements", Path.GetFileName(options.RequirementsFile)));
        var layer = new LayerDefinition(operation, packages.Count == 0 ? [] : Sorted(packages, nameof(packages)), settings) { Local = new(LocalFilesKind.File, options.RequirementsFile) };
        return With(layer, options);
    }

    private static LayerDefinition With(LayerDefinition layer, StepDefinition? options) =>
        options is null ? layer : layer with { Secrets = options.Secrets, Gpu = options.Gpu ?? "" };

    private static IEnumerable<string> Sorted(IReadOnlyList<string> packages, string parameter) =>
        Check.NotEmpty(packages, "package", parameter).Distinct(StringComparer.Ordinal).OrderBy(static p => p, StringComparer.Ordinal);
}
