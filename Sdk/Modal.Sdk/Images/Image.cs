using Modal.Images;

namespace Modal;

/// <summary>
/// Definition of a container's root filesystem. Immutable: each method returns a new definition with one more layer, and equal definitions are built once, whoever asks. Making
/// one touches no file and no network; local files are read when the image is first needed, relative to the current directory of that moment. Safe from many threads.
/// </summary>
/// <example><code>static Image Torch => Image.DebianSlim().AptInstall("python3", "python3-pip").PipInstall("torch");</code></example>
public sealed class Image : IEquatable<Image>
{
    private readonly Image? _below;
    private readonly LayerDefinition _layer;

    private Image(Image? below, LayerDefinition layer) => (_below, _layer) = (below, layer);

    /// <summary>Whether this is the standard base as it is, which needs no build.</summary>
    internal bool IsStandardBase => _below is null && _layer is { Operation: "debian-slim", ForceBuild: false };

    internal IReadOnlyList<LayerDefinition> Layers
    {
        get
        {
            var layers = new List<LayerDefinition>();
            for (var image = this; image is not null; image = image._below)
            {
                layers.Insert(0, image._layer);
            }

            return layers;
        }
    }

    /// <summary>The standard base: Debian 12 with what .NET needs, and apt. Also what a function without an image gets.</summary>
    public static Image DebianSlim() => new(null, new LayerDefinition("debian-slim"));

    /// <summary>An image of a registry, for linux/amd64. To run C# functions it must have glibc and libstdc++, as Debian's, Ubuntu's and Microsoft's images for .NET do.</summary>
    /// <param name="reference">Such as <c>ubuntu:24.04</c> or <c>registry.example.com/team/app@sha256:…</c>. A tag is looked up anew at each build; a digest never changes.</param>
    /// <param name="credentials">A secret with <c>REGISTRY_USERNAME</c> and <c>REGISTRY_PASSWORD</c>. Null, the default, means none.</param>
    /// <exception cref="ArgumentException">The reference is empty.</exception>
    public static Image FromRegistry(string reference, Secret? credentials = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reference);
        return new(null, new LayerDefinition("from-registry", [reference]) { Secrets = credentials is null ? [] : [credentials] });
    }

    /// <summary>The image that a Dockerfile describes; each of its instructions is a layer.</summary>
    /// <param name="path">The Dockerfile. Default <c>Dockerfile</c>.</param>
    /// <param name="contextDirectory">What <c>COPY</c> and <c>ADD</c> take files from, but for what a <c>.dockerignore</c> in it names, or in place of that <c>NAME.dockerignore</c> beside the Dockerfile. Null, the default, means the Dockerfile's folder.</param>
    /// <param name="buildArguments">Values of its <c>ARG</c>s. Null, the default, means their defaults.</param>
    /// <param name="target">The stage to stop at. Null, the default, means the last one.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static Image FromDockerfile(string path = "Dockerfile", string? contextDirectory = null, IReadOnlyDictionary<string, string>? buildArguments = null, string? target = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var options = (buildArguments ?? new Dictionary<string, string>()).Select(static a => ("build-arg", $"{a.Key}={a.Value}"));
        return new(null, new LayerDefinition("from-dockerfile", [], target is null ? options : options.Append(("target", target))) { Local = LocalFiles.Dockerfile(path, contextDirectory) });
    }

    /// <summary>A root filesystem in a tar archive, which may be compressed with gzip or zstd.</summary>
    /// <param name="path">The archive.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static Image FromTar(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new(null, new LayerDefinition("from-tar") { Local = LocalFiles.File(path) });
    }

    /// <summary>Nothing. Files come with <see cref="AddLocalFile"/> and <see cref="AddLocalDirectory"/>; C# functions need what .NET needs.</summary>
    public static Image FromScratch() => new(null, new LayerDefinition("from-scratch"));

    /// <summary>Installs Debian or Ubuntu packages, without those they merely recommend.</summary>
    /// <param name="packages">Names, such as <c>python3</c>, or with a version, <c>python3=3.11.2-1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image AptInstall(params string[] packages) => AptInstall(new BuildOptions(), packages);

    /// <summary>As <see cref="AptInstall(string[])"/>.</summary>
    /// <param name="options">Secrets and GPU of the step.</param>
    /// <param name="packages">Names.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image AptInstall(BuildOptions options, params string[] packages) => With(new LayerDefinition("apt-install", Sorted(packages)), options);

    /// <summary>Installs Python packages with pip, which the image must have: <c>AptInstall("python3-pip")</c>.</summary>
    /// <param name="packages">Requirements, such as <c>numpy</c> or <c>torch==2.5.1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image PipInstall(params string[] packages) => PipInstall(new PipOptions(), packages);

    /// <summary>Installs Python packages with pip from other places or with other options.</summary>
    /// <param name="options">Indexes, requirements file, secrets, GPU.</param>
    /// <param name="packages">Requirements; may be none if the options name a requirements file.</param>
    /// <exception cref="ArgumentException">There are none and no requirements file, or one is empty.</exception>
    public Image PipInstall(PipOptions options, params string[] packages) => Pip("pip-install", options, packages);

    /// <summary>Installs Python packages with uv, which the image must have: <c>PipInstall("uv")</c>.</summary>
    /// <param name="packages">Requirements, such as <c>numpy</c> or <c>torch==2.5.1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image UvPipInstall(params string[] packages) => UvPipInstall(new PipOptions(), packages);

    /// <summary>Installs Python packages with uv from other places or with other options.</summary>
    /// <param name="options">Indexes, requirements file, secrets, GPU.</param>
    /// <param name="packages">Requirements; may be none if the options name a requirements file.</param>
    /// <exception cref="ArgumentException">There are none and no requirements file, or one is empty.</exception>
    public Image UvPipInstall(PipOptions options, params string[] packages) => Pip("uv-pip-install", options, packages);

    /// <summary>Installs npm packages for all programs of the image, which must have npm: <c>AptInstall("npm")</c>.</summary>
    /// <param name="packages">Names, such as <c>typescript</c> or <c>typescript@5.6</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image NpmInstall(params string[] packages) => With(new LayerDefinition("npm-install", Sorted(packages)));

    /// <summary>Installs a .NET tool into <c>/usr/local/bin</c>. The image must have the .NET SDK.</summary>
    /// <param name="package">The tool's package.</param>
    /// <param name="version">Its version. Null, the default, means the newest one at the time of the build.</param>
    /// <exception cref="ArgumentException">The package is empty.</exception>
    public Image DotnetTool(string package, string? version = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(package);
        return With(new LayerDefinition("dotnet-tool", version is null ? [package] : [package, version]));
    }

    /// <summary>Runs shell commands as root, with network. All of them are one layer; the first that fails ends the build.</summary>
    /// <param name="commands">Each for <c>/bin/sh -c</c>.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image RunCommands(params string[] commands) => RunCommands(new BuildOptions(), commands);

    /// <summary>As <see cref="RunCommands(string[])"/>.</summary>
    /// <param name="options">Secrets and GPU of the step.</param>
    /// <param name="commands">Each for <c>/bin/sh -c</c>.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image RunCommands(BuildOptions options, params string[] commands) => With(new LayerDefinition("run-commands", NotEmpty(commands, "command")), options);

    /// <summary>Sets an environment variable, for later layers and for containers.</summary>
    /// <param name="name">Letters, digits and underscores, no digit first.</param>
    /// <param name="value">Its value; may be empty.</param>
    /// <exception cref="ArgumentException">The name cannot be one.</exception>
    public Image Env(string name, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(value);
        if (!name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_') || char.IsAsciiDigit(name[0]))
        {
            throw new ArgumentException($"'{name}' cannot be an environment variable: letters, digits and '_' are allowed, and no digit first.", nameof(name));
        }

        return With(new LayerDefinition("env", [], [(name, value)]));
    }

    /// <summary>Where later commands, and functions, start.</summary>
    /// <param name="path">Absolute; made if it is not there.</param>
    /// <exception cref="ArgumentException">The path is not absolute.</exception>
    public Image Workdir(string path) => With(new LayerDefinition("workdir", [Absolute(path)]));

    /// <summary>What is put before the command of a sandbox that runs one. Functions do not use it.</summary>
    /// <param name="command">A program and arguments; none means none.</param>
    public Image Entrypoint(params string[] command)
    {
        ArgumentNullException.ThrowIfNull(command);
        return With(new LayerDefinition("entrypoint", command));
    }

    /// <summary>Who runs later commands, and functions. Without it, commands run as root and functions as nobody.</summary>
    /// <param name="user">A name or number of the image, maybe with a group: <c>app</c>, <c>1000:1000</c>.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public Image User(string user)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(user);
        return With(new LayerDefinition("user", [user]));
    }

    /// <summary>Adds a local file.</summary>
    /// <param name="localPath">The file; relative to the current directory.</param>
    /// <param name="remotePath">Where it is in containers: an absolute path; one that ends with '/' means a folder for it.</param>
    /// <param name="copy">
    /// False, the default: it is mounted read-only when a container starts, so that a change of it builds nothing; no build step may follow. True: it becomes a layer.
    /// </param>
    /// <exception cref="ArgumentException">A path is empty, or the remote one is not absolute.</exception>
    public Image AddLocalFile(string localPath, string remotePath, bool copy = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(localPath);
        return With(new LayerDefinition("add-local-file", [Absolute(remotePath)], copy ? [("copy", "true")] : []) { Local = LocalFiles.File(localPath) });
    }

    /// <summary>Adds what is in a local folder, links as links.</summary>
    /// <param name="localPath">The folder; relative to the current directory.</param>
    /// <param name="remotePath">Where it is in containers: an absolute path.</param>
    /// <param name="copy">
    /// False, the default: it is mounted read-only when a container starts, so that a change of it builds nothing; no build step may follow. True: it becomes a layer.
    /// </param>
    /// <param name="ignore">What is left out: patterns as in a .dockerignore file, relative to the folder: <c>*.log</c> in the folder itself, <c>**/*.log</c> also below, <c>!keep.log</c> for exceptions, of which the last that matches decides. Null, the default, means nothing.</param>
    /// <exception cref="ArgumentException">A path is empty, or the remote one is not absolute.</exception>
    public Image AddLocalDirectory(string localPath, string remotePath, bool copy = false, IReadOnlyList<string>? ignore = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(localPath);
        return With(new LayerDefinition("add-local-directory", [Absolute(remotePath)], copy ? [("copy", "true")] : []) { Local = LocalFiles.Directory(localPath, ignore ?? []) });
    }

    /// <summary>Builds the last layer, and all that come after it, although they are built already. For what changes outside, such as a package index.</summary>
    public Image ForceBuild() => new(_below, _layer with { ForceBuild = true });

    /// <summary>Whether it defines the same. Local files count by their paths, not by what is in them.</summary>
    /// <param name="other">Another definition; null is never equal.</param>
    public bool Equals(Image? other) => other is not null && (ReferenceEquals(this, other) || Layers.SequenceEqual(other.Layers));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Image);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_layer.Operation, _below);

    private Image Pip(string operation, PipOptions options, string[] packages)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(packages);
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
            return With(new LayerDefinition(operation, Sorted(packages), settings), options);
        }

        settings.Add(("requirements", Path.GetFileName(options.RequirementsFile)));
        return With(new LayerDefinition(operation, packages.Length == 0 ? [] : Sorted(packages), settings) { Local = LocalFiles.File(options.RequirementsFile) }, options);
    }

    private Image With(LayerDefinition layer, BuildOptions? options = null) =>
        new(this, options is null ? layer : layer with { Secrets = options.Secrets, Gpu = options.Gpu ?? "" });

    private static string[] Sorted(string[] packages) => [.. NotEmpty(packages, "package").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private static string[] NotEmpty(string[] values, string what)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.Length == 0 || values.Any(string.IsNullOrWhiteSpace)
            ? throw new ArgumentException(values.Length == 0 ? $"At least one {what} is needed." : $"A {what} is empty.", nameof(values))
            : values;
    }

    private static string Absolute(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return path[0] == '/' && !path.Split('/').Contains("..")
            ? path
            : throw new ArgumentException($"'{path}' is a path in the container: it must be absolute, such as /app, and without '..'.", nameof(path));
    }
}
