using System.Text.RegularExpressions;
using Modal.Protocol;

namespace Modal.Backend.Images.Definitions;

/// <summary>The operations that a layer can name.</summary>
internal static partial class Operations
{
    private static readonly Dictionary<string, Func<ImageLayer, LayerAction>> s_known = new(StringComparer.Ordinal)
    {
        ["debian-slim"] = static l => Plain(l, new LayerAction.StandardBase()),
        ["from-scratch"] = static l => Plain(l, new LayerAction.Scratch()),
        ["from-registry"] = Registry,
        ["from-tar"] = static l => new LayerAction.Archive(l.Files.Count == 1 && l.Files[0].Digest.Length > 0 ? l.Files[0] : throw new FormatException("it needs exactly one file, the archive.")),
        ["from-dockerfile"] = Dockerfile,
        ["apt-install"] = static l => PackageCommands.Apt(l),
        ["pip-install"] = static l => PackageCommands.Pip(l, uv: false),
        ["uv-pip-install"] = static l => PackageCommands.Pip(l, uv: true),
        ["npm-install"] = static l => PackageCommands.Npm(l),
        ["dotnet-tool"] = static l => PackageCommands.DotnetTool(l),
        ["run-commands"] = RunCommands,
        ["run-function"] = RunFunction,
        ["env"] = Env,
        ["workdir"] = static l => Workdir(One(l)),
        ["entrypoint"] = static l => Configure(c => c with { Entrypoint = [.. l.Arguments] }),
        ["user"] = static l => User(One(l)),
        ["add-local-file"] = static l => AddLocal(l, isDirectory: false),
        ["add-local-directory"] = static l => AddLocal(l, isDirectory: true),
    };

    /// <summary>Those that an image can begin with.</summary>
    public static IReadOnlyList<string> Bases { get; } = ["debian-slim", "from-dockerfile", "from-registry", "from-scratch", "from-tar"];

    /// <exception cref="FormatException">The layer is not right; the message continues a sentence that names it.</exception>
    public static LayerAction Lower(ImageLayer layer)
    {
        CheckFiles(layer.Files);
        return s_known.TryGetValue(layer.Operation, out var lower)
            ? lower(layer)
            : throw new FormatException($"this server does not know the operation; it knows {string.Join(", ", s_known.Keys.Order(StringComparer.Ordinal))}. Run client and server from the same version.");
    }

    /// <summary>For people: <c>apt-install python3 python3-numpy</c>.</summary>
    public static string TitleOf(ImageLayer layer)
    {
        var title = $"{layer.Operation} {string.Join(' ', layer.Arguments)}".Trim();
        title = title.ReplaceLineEndings(" ");
        return title.Length <= 100 ? title : title[..97] + "...";
    }

    /// <summary>The values of an option that may come more than once.</summary>
    public static IEnumerable<string> Options(ImageLayer layer, string name) => layer.Options.Where(o => o.Name == name).Select(o => o.Value);

    /// <summary>The value of an option; null if it is not given.</summary>
    public static string? Option(ImageLayer layer, string name) => layer.Options.LastOrDefault(o => o.Name == name)?.Value;

    /// <exception cref="FormatException">There is an option that is not among these.</exception>
    public static void CheckOptions(ImageLayer layer, params ReadOnlySpan<string> known)
    {
        foreach (var option in layer.Options)
        {
            if (!known.Contains(option.Name))
            {
                throw new FormatException($"it has the option '{option.Name}', which this server does not know; it knows {(known.Length == 0 ? "none" : string.Join(", ", known.ToArray()))}.");
            }
        }
    }

    private static LayerAction Plain(ImageLayer layer, LayerAction action)
    {
        CheckOptions(layer);
        return layer.Arguments.Count == 0 ? action : throw new FormatException("it takes no arguments.");
    }

    private static string One(ImageLayer layer) => layer.Arguments.Count == 1 && layer.Arguments[0].Length > 0 ? layer.Arguments[0] : throw new FormatException("it takes exactly one argument.");

    private static LayerAction.Configure Configure(Func<ImageConfig, ImageConfig> change) => new(change);

    private static LayerAction.Registry Registry(ImageLayer layer)
    {
        CheckOptions(layer);
        var reference = One(layer);

        // It becomes an argument of a program: what looks like an option is none.
        if (!ReferencePattern().IsMatch(reference))
        {
            throw new FormatException($"'{reference}' is no reference of an image: [registry[:port]/]name[:tag][@sha256:digest] is.");
        }

        return layer.Secrets.Count <= 1 ? new LayerAction.Registry(reference, layer.Secrets.FirstOrDefault()) : throw new FormatException("it takes one secret at most, with REGISTRY_USERNAME and REGISTRY_PASSWORD.");
    }

    private static LayerAction.Dockerfile Dockerfile(ImageLayer layer)
    {
        CheckOptions(layer, "build-arg", "target");
        var path = One(layer);
        if (!layer.Files.Any(f => f.Path == path))
        {
            throw new FormatException($"the Dockerfile '{path}' is not among its files.");
        }

        var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in Options(layer, "build-arg"))
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            arguments[at > 0 ? text[..at] : throw new FormatException($"the build argument '{text}' is not NAME=VALUE.")] = text[(at + 1)..];
        }

        return new LayerAction.Dockerfile(path, arguments, Option(layer, "target"));
    }

    private static LayerAction.Run RunCommands(ImageLayer layer)
    {
        CheckOptions(layer);
        return layer.Arguments.Count > 0
            ? new LayerAction.Run([.. layer.Arguments.Select(c => (IReadOnlyList<string>)["/bin/sh", "-c", c])], [.. layer.Arguments])
            : throw new FormatException("it has no commands.");
    }

    private static LayerAction.RunFunction RunFunction(ImageLayer layer)
    {
        CheckOptions(layer, "arguments", "assembly");
        var assembly = Option(layer, "assembly") ?? throw new FormatException("it does not say in which assembly the function is.");
        var text = Option(layer, "arguments") ?? throw new FormatException("it has no arguments.");
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length)
            ? new LayerAction.RunFunction(One(layer), assembly, bytes[..length])
            : throw new FormatException("its arguments are not base64.");
    }

    private static LayerAction.Configure Env(ImageLayer layer)
    {
        foreach (var option in layer.Options)
        {
            if (!VariablePattern().IsMatch(option.Name) || option.Value.Contains('\0', StringComparison.Ordinal))
            {
                throw new FormatException($"'{option.Name}' cannot be an environment variable: letters, digits and '_' are allowed, no digit first, and no zero in the value.");
            }
        }

        var variables = layer.Options.Select(o => KeyValuePair.Create(o.Name, o.Value)).ToArray();
        return Configure(c => c.With(variables));
    }

    private static LayerAction.Configure Workdir(string path)
    {
        CheckPath(path);
        return Configure(c => c with { WorkingDirectory = path });
    }

    private static LayerAction.Configure User(string user) => UserPattern().IsMatch(user)
        ? Configure(c => c with { User = user })
        : throw new FormatException($"'{user}' is no user: a name or number is, maybe with ':' and a group.");

    private static LayerAction AddLocal(ImageLayer layer, bool isDirectory)
    {
        CheckOptions(layer, "copy");
        var target = One(layer);
        CheckPath(target);
        if (!isDirectory && layer.Files.Count != 1)
        {
            throw new FormatException("it takes exactly one file.");
        }

        return Option(layer, "copy") == "true" ? new LayerAction.Copy(target, isDirectory) : new LayerAction.Mount(target, isDirectory);
    }

    private static void CheckFiles(IEnumerable<ImageFile> files)
    {
        var all = new Dictionary<string, ImageFile>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            CheckFile(file);
            if (!all.TryAdd(file.Path, file))
            {
                throw new FormatException($"it has the file '{file.Path}' twice.");
            }
        }

        // What lies below a link would be written where the link leads.
        foreach (var path in all.Keys)
        {
            for (var at = path.LastIndexOf('/'); at > 0; at = path.LastIndexOf('/', at - 1))
            {
                if (all.TryGetValue(path[..at], out var above) && !above.IsDirectory)
                {
                    throw new FormatException($"it has the file '{path}' below '{path[..at]}', which is no folder.");
                }
            }
        }
    }

    private static void CheckFile(ImageFile file)
    {
        if (!file.IsDirectory && file.LinkTarget.Length == 0 && !Store.Digests.Digest.TryParse(file.Digest, out _))
        {
            throw new FormatException($"its file '{file.Path}' has the digest '{file.Digest}': 64 lower-case hexadecimal letters are one.");
        }

        if (file.Path.Split('/').Any(static part => part is "" or "." or ".." || System.Text.Encoding.UTF8.GetByteCount(part) > 255) || file.Path.Contains('\0', StringComparison.Ordinal))
        {
            throw new FormatException($"it has a file with the path '{file.Path}'; paths are relative, separated by '/', without '.' and '..', and names have up to 255 bytes.");
        }
    }

    private static void CheckPath(string path)
    {
        if (!path.StartsWith('/') || path.Split('/').Any(static part => part is "..") || path.Contains('\0', StringComparison.Ordinal) || path.Length > 4000)
        {
            throw new FormatException($"'{path}' is not an absolute path without '..'.");
        }
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex UserPattern();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{64})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex ReferencePattern();
}
