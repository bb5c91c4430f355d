using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>How the runner is started: paths on this machine, and the command line for the paths inside a sandbox.</summary>
internal sealed class RunnerProgram
{
    /// <summary>Where programs are looked for inside, as in any Debian.</summary>
    public const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private const string Name = "Modal.Backend.Runner";

    private RunnerProgram(string directory, string dotnetRoot, string aspNetCoreDirectory) =>
        (Directory, DotnetRoot, AspNetCoreDirectory) = (directory, dotnetRoot, aspNetCoreDirectory);

    /// <summary>The published runner.</summary>
    public string Directory { get; }

    /// <summary>The .NET installation that this process runs on: containers get the same runtime.</summary>
    public string DotnetRoot { get; }

    /// <summary>Holds the runner's configuration with the ASP.NET Core framework added.</summary>
    public string AspNetCoreDirectory { get; }

    /// <summary>Finds both and writes the second configuration.</summary>
    /// <param name="directory">Folder of the published runner.</param>
    /// <param name="stateDirectory">Where the second configuration goes.</param>
    public static RunnerProgram Locate(string directory, string stateDirectory)
    {
        var configPath = Path.Combine(directory, Name + ".runtimeconfig.json");
        if (!File.Exists(configPath))
        {
            throw new FileNotFoundException($"There is no runner in {directory}. Set MODAL_RUNNER_DIR to the folder of the published {Name}.");
        }

        // …/shared/Microsoft.NETCore.App/10.0.0/ of a shared installation.
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        if (!File.Exists(Path.Combine(root, "dotnet")))
        {
            throw new FileNotFoundException($"This process does not run on an installed .NET runtime (looked in {root}), so containers have none to use. Start it with dotnet.");
        }

        var config = JsonNode.Parse(File.ReadAllText(configPath))!;
        var options = config["runtimeOptions"]!;
        var framework = options["framework"]!;
        options.AsObject().Remove("framework");
        options["frameworks"] = new JsonArray(
            framework,
            new JsonObject { ["name"] = "Microsoft.AspNetCore.App", ["version"] = framework["version"]!.GetValue<string>() });
        var aspNetCore = Path.Combine(stateDirectory, "runner-aspnetcore");
        System.IO.Directory.CreateDirectory(aspNetCore);
        File.WriteAllText(Path.Combine(aspNetCore, Name + ".runtimeconfig.json"), config.ToJsonString());
        return new RunnerProgram(directory, root, aspNetCore);
    }

    /// <summary>What snapshots depend on: the runner's files and the runtime.</summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in System.IO.Directory.EnumerateFiles(Directory, "*.dll").Order(StringComparer.Ordinal))
        {
            hash.AppendData(File.ReadAllBytes(file));
        }

        return $"{RuntimeInformation.FrameworkDescription} {Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    /// <summary>The command line.</summary>
    /// <param name="dotnetRoot">The installation where the command runs.</param>
    /// <param name="directory">The runner there.</param>
    /// <param name="aspNetCoreDirectory">Set when ASP.NET Core is needed.</param>
    public static string[] Command(string dotnetRoot, string directory, string? aspNetCoreDirectory)
    {
        var program = $"{directory}/{Name}.dll";
        return aspNetCoreDirectory is null
            ? [$"{dotnetRoot}/dotnet", program]
            : [$"{dotnetRoot}/dotnet", "exec", "--runtimeconfig", $"{aspNetCoreDirectory}/{Name}.runtimeconfig.json", "--depsfile", $"{directory}/{Name}.deps.json", program];
    }

    /// <summary>Environment of the process in the sandbox.</summary>
    /// <param name="dotnetRoot">The installation where it runs.</param>
    /// <param name="memoryMiB">The container's memory.</param>
    public static IReadOnlyDictionary<string, string> Environment(string dotnetRoot, long memoryMiB) => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["PATH"] = DefaultPath,
        ["HOME"] = "/tmp",
        ["LANG"] = "C.UTF-8",
        ["DOTNET_ROOT"] = dotnetRoot,

        // Three quarters, in hexadecimal: most overuse becomes an OutOfMemoryException in the code instead of the death of the container.
        ["DOTNET_GCHeapHardLimit"] = (memoryMiB * 1024 * 1024 / 4 * 3).ToString("x", System.Globalization.CultureInfo.InvariantCulture),

        // No debugger pipes: nobody can attach from outside, and they cost two threads.
        ["DOTNET_EnableDiagnostics"] = "0",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
    };
}
