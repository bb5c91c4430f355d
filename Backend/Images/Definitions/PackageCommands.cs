using System.Text.RegularExpressions;
using Modal.Protocol;

namespace Modal.Backend.Images.Definitions;

/// <summary>Shell commands of package managers. Everything that comes from a definition is quoted, and what begins with a dash is refused where a name is meant.</summary>
internal static partial class PackageCommands
{
    public static LayerAction.Run Apt(ImageLayer layer)
    {
        Operations.CheckOptions(layer);
        var packages = Names(layer);
        var wrong = packages.FirstOrDefault(p => !AptPattern().IsMatch(p));
        if (wrong is not null)
        {
            throw new FormatException($"'{wrong}' is no name of a Debian package, such as python3 or python3=3.11.2-1.");
        }

        return Run(
            $"""
            command -v apt-get >/dev/null || {Complain("apt-get is missing in the image: AptInstall needs a Debian or Ubuntu base")}
            apt-get update -q && apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 {Quote(packages)} && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
            """,
            $"apt-get install {string.Join(' ', packages)}",
            "DEBIAN_FRONTEND=noninteractive");
    }

    public static LayerAction.Run Pip(ImageLayer layer, bool uv)
    {
        Operations.CheckOptions(layer, "index-url", "extra-index-url", "find-links", "pre", "extra-options", "requirements");
        var packages = layer.Arguments.Where(static p => p.Length > 0).ToList();
        var wrong = packages.FirstOrDefault(static p => p.StartsWith('-'));
        if (wrong is not null)
        {
            throw new FormatException($"'{wrong}' is no package: give options as ExtraOptions.");
        }

        var requirements = Operations.Option(layer, "requirements");
        if (packages.Count == 0 && requirements is null)
        {
            throw new FormatException("it names no packages.");
        }

        if (requirements is not null && !layer.Files.Any(f => f.Path == requirements))
        {
            throw new FormatException($"the requirements file '{requirements}' is not among its files.");
        }

        var arguments = new List<string>();
        Add(arguments, "--index-url", Operations.Options(layer, "index-url"));
        Add(arguments, "--extra-index-url", Operations.Options(layer, "extra-index-url"));
        Add(arguments, "--find-links", Operations.Options(layer, "find-links"));
        if (Operations.Option(layer, "pre") == "true")
        {
            arguments.Add(uv ? "--prerelease=allow" : "--pre");
        }

        Add(arguments, "--requirement", requirements is null ? [] : [$"{ContextPath}/{requirements}"]);

        // The author's own words for the program, as he would type them.
        var extra = Operations.Option(layer, "extra-options") ?? "";
        var (check, install) = uv
            ? ($"command -v uv >/dev/null || {Complain("uv is missing in the image: add PipInstall(\"uv\") before UvPipInstall")}", "uv pip install --system --break-system-packages --no-cache")
            : ($"python3 -m pip --version >/dev/null 2>&1 || {Complain("pip is missing in the image: add AptInstall(\"python3-pip\") before PipInstall")}", "python3 -m pip install --no-cache-dir --no-input --disable-pip-version-check --progress-bar off --root-user-action=ignore");
        return Run($"{check}\n{install} {Quote(arguments)} {extra} {Quote(packages)}", $"{(uv ? "uv pip" : "pip")} install {string.Join(' ', packages)}", "PIP_BREAK_SYSTEM_PACKAGES=1");
    }

    public static LayerAction.Run Npm(ImageLayer layer)
    {
        Operations.CheckOptions(layer, "global");
        var packages = Names(layer);
        var scope = Operations.Option(layer, "global") == "false" ? "" : "--global";
        return Run(
            $"command -v npm >/dev/null || {Complain("npm is missing in the image: add AptInstall(\"npm\") before NpmInstall")}\nnpm install {scope} --no-fund --no-audit --no-update-notifier -- {Quote(packages)} && rm -rf \"$HOME/.npm\"",
            $"npm install {string.Join(' ', packages)}");
    }

    public static LayerAction.Run DotnetTool(ImageLayer layer)
    {
        Operations.CheckOptions(layer);
        if (layer.Arguments.Count is 0 or > 2 || layer.Arguments.Any(static a => !ToolPattern().IsMatch(a)))
        {
            throw new FormatException("it takes the package of a tool and, maybe, a version.");
        }

        var version = layer.Arguments.Count == 2 ? $"--version {Quote([layer.Arguments[1]])}" : "";
        return Run(
            $"dotnet --list-sdks 2>/dev/null | grep -q . || {Complain("the .NET SDK is missing in the image: begin with FromRegistry of an image that has it, or install it before DotnetTool")}\ndotnet tool install --tool-path /usr/local/bin {version} {Quote([layer.Arguments[0]])}",
            $"dotnet tool install {string.Join(' ', layer.Arguments)}");
    }

    /// <summary>Where a step sees the files of its layer.</summary>
    public const string ContextPath = "/modal/context";

    /// <summary>Texts as words of a shell.</summary>
    public static string Quote(IEnumerable<string> words) => string.Join(' ', words.Select(static w => $"'{w.Replace("'", "'\\''", StringComparison.Ordinal)}'"));

    private static LayerAction.Run Run(string script, string shown, params string[] variables) =>
        new([["/bin/sh", "-c", $"{string.Concat(variables.Select(static v => $"export {v}\n"))}{script}"]], [shown]);

    private static string Complain(string text) => $"{{ echo {Quote([text])} >&2; exit 127; }}";

    private static void Add(List<string> arguments, string option, IEnumerable<string> values)
    {
        foreach (var value in values)
        {
            arguments.Add($"{option}={value}");
        }
    }

    private static List<string> Names(ImageLayer layer)
    {
        // Sorted and once: the same packages in another order are the same layer.
        var names = layer.Arguments.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return names.Count == 0 ? throw new FormatException("it names no packages.")
            : names.Any(static n => n.Length == 0 || n.StartsWith('-')) ? throw new FormatException("a package's name is empty or begins with a dash.")
            : names;
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+|/[a-z0-9-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex AptPattern();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._*+-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ToolPattern();
}
