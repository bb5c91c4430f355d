using Modal.Images.Definitions;
using Modal.Runtime;

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
    private readonly IReadOnlyList<Secret> _secrets;

    private Image(Image? below, LayerDefinition layer, IReadOnlyList<Secret>? secrets = null) => (_below, _layer, _secrets) = (below, layer, secrets ?? []);

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

    /// <summary>Those that its layers name.</summary>
    internal IEnumerable<Secret> Secrets => _below is null ? _secrets : _below.Secrets.Concat(_secrets);

    /// <summary>The standard base: Debian 12 with what .NET needs, and apt. Also what a function without an image gets.</summary>
    public static Image DebianSlim() => new(null, ImageLayers.DebianSlim());

    /// <summary>An image of a registry, for linux/amd64. To run C# functions it must have glibc and libstdc++, as Debian's, Ubuntu's and Microsoft's images for .NET do.</summary>
    /// <param name="reference">Such as <c>ubuntu:24.04</c> or <c>registry.example.com/team/app@sha256:…</c>. A tag is looked up anew at each build; a digest never changes.</param>
    /// <param name="credentials">A secret with <c>REGISTRY_USERNAME</c> and <c>REGISTRY_PASSWORD</c>. Null, the default, means none.</param>
    /// <exception cref="ArgumentException">The reference is empty.</exception>
    public static Image FromRegistry(string reference, Secret? credentials = null) =>
        new(null, ImageLayers.FromRegistry(reference, credentials?.Name), credentials is null ? [] : [credentials]);

    /// <summary>The image that a Dockerfile describes; each of its instructions is a layer.</summary>
    /// <param name="path">The Dockerfile. Default <c>Dockerfile</c>.</param>
    /// <param name="contextDirectory">What <c>COPY</c> and <c>ADD</c> take files from, but for what a <c>.dockerignore</c> in it names, or in place of that <c>NAME.dockerignore</c> beside the Dockerfile. Null, the default, means the Dockerfile's folder.</param>
    /// <param name="buildArguments">Values of its <c>ARG</c>s. Null, the default, means their defaults.</param>
    /// <param name="target">The stage to stop at. Null, the default, means the last one.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static Image FromDockerfile(string path = "Dockerfile", string? contextDirectory = null, IReadOnlyDictionary<string, string>? buildArguments = null, string? target = null) =>
        new(null, ImageLayers.FromDockerfile(path, contextDirectory, buildArguments, target));

    /// <summary>A root filesystem in a tar archive, which may be compressed with gzip or zstd.</summary>
    /// <param name="path">The archive.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    public static Image FromTar(string path) => new(null, ImageLayers.FromTar(path));

    /// <summary>Nothing. Files come with <see cref="AddLocalFile"/> and <see cref="AddLocalDirectory"/>; C# functions need what .NET needs.</summary>
    public static Image FromScratch() => new(null, ImageLayers.FromScratch());

    /// <summary>Installs Debian or Ubuntu packages, without those they merely recommend.</summary>
    /// <param name="packages">Names, such as <c>python3</c>, or with a version, <c>python3=3.11.2-1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image AptInstall(params string[] packages) => AptInstall(new BuildOptions(), packages);

    /// <summary>As <see cref="AptInstall(string[])"/>.</summary>
    /// <param name="options">Secrets and GPU of the step.</param>
    /// <param name="packages">Names.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image AptInstall(BuildOptions options, params string[] packages) => With(ImageLayers.AptInstall(Step(options), packages), options);

    /// <summary>Installs Python packages with pip, which the image must have: <c>AptInstall("python3-pip")</c>.</summary>
    /// <param name="packages">Requirements, such as <c>numpy</c> or <c>torch==2.5.1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image PipInstall(params string[] packages) => PipInstall(new PipOptions(), packages);

    /// <summary>Installs Python packages with pip from other places or with other options.</summary>
    /// <param name="options">Indexes, requirements file, secrets, GPU.</param>
    /// <param name="packages">Requirements; may be none if the options name a requirements file.</param>
    /// <exception cref="ArgumentException">There are none and no requirements file, or one is empty.</exception>
    public Image PipInstall(PipOptions options, params string[] packages) => With(ImageLayers.PipInstall(Step(options), packages), options);

    /// <summary>Installs Python packages with uv, which the image must have: <c>PipInstall("uv")</c>.</summary>
    /// <param name="packages">Requirements, such as <c>numpy</c> or <c>torch==2.5.1</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image UvPipInstall(params string[] packages) => UvPipInstall(new PipOptions(), packages);

    /// <summary>Installs Python packages with uv from other places or with other options.</summary>
    /// <param name="options">Indexes, requirements file, secrets, GPU.</param>
    /// <param name="packages">Requirements; may be none if the options name a requirements file.</param>
    /// <exception cref="ArgumentException">There are none and no requirements file, or one is empty.</exception>
    public Image UvPipInstall(PipOptions options, params string[] packages) => With(ImageLayers.UvPipInstall(Step(options), packages), options);

    /// <summary>Installs npm packages for all programs of the image, which must have npm: <c>AptInstall("npm")</c>.</summary>
    /// <param name="packages">Names, such as <c>typescript</c> or <c>typescript@5.6</c>. Their order does not matter.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image NpmInstall(params string[] packages) => With(ImageLayers.NpmInstall(packages));

    /// <summary>Installs a .NET tool into <c>/usr/local/bin</c>. The image must have the .NET SDK.</summary>
    /// <param name="package">The tool's package.</param>
    /// <param name="version">Its version. Null, the default, means the newest one at the time of the build.</param>
    /// <exception cref="ArgumentException">The package is empty.</exception>
    public Image DotnetTool(string package, string? version = null) => With(ImageLayers.DotnetTool(package, version));

    /// <summary>Runs shell commands as root, with network. All of them are one layer; the first that fails ends the build.</summary>
    /// <param name="commands">Each for <c>/bin/sh -c</c>.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image RunCommands(params string[] commands) => RunCommands(new BuildOptions(), commands);

    /// <summary>As <see cref="RunCommands(string[])"/>.</summary>
    /// <param name="options">Secrets and GPU of the step.</param>
    /// <param name="commands">Each for <c>/bin/sh -c</c>.</param>
    /// <exception cref="ArgumentException">There are none, or one is empty.</exception>
    public Image RunCommands(BuildOptions options, params string[] commands) => With(ImageLayers.RunCommands(Step(options), commands), options);

    /// <summary>
    /// Runs a function inside the build, as root and with network: to download a model, to fill a cache. What it writes becomes the layer; what it returns is dropped. The image so far must be
    /// able to run C# functions. The function's own attribute counts for nothing here. Built again when the program's code changes.
    /// </summary>
    /// <param name="function">The handle of a static function, such as <c>Models.Remote.Download</c>.</param>
    /// <param name="argument">Its argument; a tuple if the method has several parameters.</param>
    /// <param name="options">Secrets and GPU of the step. Null, the default, means none.</param>
    /// <exception cref="ArgumentException">It is a method of a service, or not registered.</exception>
    /// <exception cref="PayloadSerializationException">The argument cannot be sent.</exception>
    public Image RunFunction<TArgument, TResult>(Function<TArgument, TResult> function, TArgument argument, BuildOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(function);
        var assembly = function.Target.Service is null
            ? FunctionRegistry.FindFunction(function.Name)?.Assembly ?? throw new ArgumentException($"{function.Name} is not registered.", nameof(function))
            : throw new ArgumentException($"{function.Name} is a method of a service; a build runs static functions.", nameof(function));
        return With(ImageLayers.RunFunction(Step(options), function.Name, assembly, function.Encode(argument)), options);
    }

    /// <summary>As above for a function without parameters.</summary>
    /// <param name="function">The handle of a static function.</param>
    /// <param name="options">Secrets and GPU of the step. Null, the default, means none.</param>
    /// <exception cref="ArgumentException">It is a method of a service, or not registered.</exception>
    public Image RunFunction<TResult>(Function<Unit, TResult> function, BuildOptions? options = null) => RunFunction(function, default, options);

    /// <summary>Sets an environment variable, for later layers and for containers.</summary>
    /// <param name="name">Letters, digits and underscores, no digit first.</param>
    /// <param name="value">Its value; may be empty.</param>
    /// <exception cref="ArgumentException">The name cannot be one.</exception>
    public Image Env(string name, string value) => With(ImageLayers.Env(name, value));

    /// <summary>Where later commands, and functions, start.</summary>
    /// <param name="path">Absolute; made if it is not there.</param>
    /// <exception cref="ArgumentException">The path is not absolute.</exception>
    public Image Workdir(string path) => With(ImageLayers.Workdir(path));

    /// <summary>What is put before the command of a sandbox that runs one. Functions do not use it.</summary>
    /// <param name="command">A program and arguments; none means none.</param>
    public Image Entrypoint(params string[] command) => With(ImageLayers.Entrypoint(command));

    /// <summary>Who runs later commands, and functions. Without it, commands run as root and functions as nobody.</summary>
    /// <param name="user">A name or number of the image, maybe with a group: <c>app</c>, <c>1000:1000</c>.</param>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public Image User(string user) => With(ImageLayers.User(user));

    /// <summary>Adds a local file.</summary>
    /// <param name="localPath">The file; relative to the current directory.</param>
    /// <param name="remotePath">Where it is in containers: an absolute path; one that ends with '/' means a folder for it.</param>
    /// <param name="copy">
    /// False, the default: it is mounted read-only when a container starts, so that a change of it builds nothing; no build step may follow. True: it becomes a layer.
    /// </param>
    /// <exception cref="ArgumentException">A path is empty, or the remote one is not absolute.</exception>
    public Image AddLocalFile(string localPath, string remotePath, bool copy = false) => With(ImageLayers.AddLocalFile(localPath, remotePath, copy));

    /// <summary>Adds what is in a local folder, links as links.</summary>
    /// <param name="localPath">The folder; relative to the current directory.</param>
    /// <param name="remotePath">Where it is in containers: an absolute path.</param>
    /// <param name="copy">
    /// False, the default: it is mounted read-only when a container starts, so that a change of it builds nothing; no build step may follow. True: it becomes a layer.
    /// </param>
    /// <param name="ignore">What is left out: patterns as in a .dockerignore file, relative to the folder: <c>*.log</c> in the folder itself, <c>**/*.log</c> also below, <c>!keep.log</c> for exceptions, of which the last that matches decides. Null, the default, means nothing.</param>
    /// <exception cref="ArgumentException">A path is empty, or the remote one is not absolute.</exception>
    public Image AddLocalDirectory(string localPath, string remotePath, bool copy = false, IReadOnlyList<string>? ignore = null) =>
        With(ImageLayers.AddLocalDirectory(localPath, remotePath, copy, ignore));

    /// <summary>Builds the last layer, and all that come after it, although they are built already. For what changes outside, such as a package index.</summary>
    public Image ForceBuild() => new(_below, ImageLayers.ForceBuild(_layer), _secrets);

    /// <summary>Whether it defines the same. Local files count by their paths, not by what is in them.</summary>
    /// <param name="other">Another definition; null is never equal.</param>
    public bool Equals(Image? other) => other is not null && (ReferenceEquals(this, other) || Layers.SequenceEqual(other.Layers));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Image);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_layer.Operation, _below);

    private Image With(LayerDefinition layer, BuildOptions? options = null) => new(this, layer, options is null ? [] : [.. options.Secrets]);

    private static StepDefinition? Step(BuildOptions? options) => options is null ? null : new StepDefinition { Secrets = Names(options), Gpu = options.Gpu };

    private static PipDefinition Step(PipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new PipDefinition
        {
            Secrets = Names(options),
            Gpu = options.Gpu,
            IndexUrl = options.IndexUrl,
            ExtraIndexUrls = options.ExtraIndexUrls,
            FindLinks = options.FindLinks,
            Pre = options.Pre,
            ExtraOptions = options.ExtraOptions,
            RequirementsFile = options.RequirementsFile,
        };
    }

    private static string[] Names(BuildOptions options) => [.. options.Secrets.Select(static s => s.Name)];
}
