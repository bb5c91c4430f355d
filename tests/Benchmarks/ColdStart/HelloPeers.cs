using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using Modal.Benchmarks.Reporting;
using Modal.Scenarios.Harness;

namespace Modal.Benchmarks.ColdStart;

/// <summary>What users would run instead: a .NET hello by runsc, and by podman with runsc, over the same root file system and the same runtime.</summary>
internal sealed class HelloPeers : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modal-hello-");
    private readonly string _dotnet = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
    private readonly string _root = Directory.EnumerateDirectories(TestState.StandardBases).Select(b => Path.Combine(b, "rootfs")).First(Directory.Exists);
    private int _count;

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Seconds of <c>runsc run</c>, from the command to its end.</summary>
    public async Task<double> RunscAsync()
    {
        var number = Interlocked.Increment(ref _count);
        var bundle = Bundle(number, stays: false);
        return await TimeAsync(Cli.Wrap("runsc").WithArguments(
            ["--root", Path.Combine(_folder.FullName, "state"), "--network=none", "--ignore-cgroups", "run", "--bundle", bundle, $"modal-hello-{Environment.ProcessId}-{number}"]));
    }

    /// <summary>Seconds of <c>podman run</c> with runsc; null where podman is not to be had.</summary>
    public async Task<double?> PodmanAsync()
    {
        if (!File.Exists("/usr/bin/podman"))
        {
            if (!Environment.IsPrivilegedProcess || !File.Exists("/usr/bin/apt-get"))
            {
                return null;
            }

            try
            {
                await DebianPackages.InstallAsync("podman");
            }
            catch (CliWrap.Exceptions.CommandExecutionException)
            {
                return null;
            }
        }

        // podman has runsc make its control groups and raise limits, which not every machine allows.
        var runtime = Path.Combine(_folder.FullName, "runsc-plain");
        await File.WriteAllTextAsync(runtime, "#!/bin/sh\nexec runsc --network=none --ignore-cgroups \"$@\"\n");
        File.SetUnixFileMode(runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            return await TimeAsync(Cli.Wrap("podman").WithArguments(
            [
                "--runtime", runtime, "run", "--rm", "--network=none", "--read-only", "--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000",
                "-v", $"{_dotnet}:/modal/dotnet:ro", "-v", $"{HelloFolder}:/modal/app:ro", "--rootfs", _root, "/modal/dotnet/dotnet", "/modal/app/Modal.Benchmarks.Hello.dll",
            ]));
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine($"podman does not work here: {e.Message}");
            return null;
        }
    }

    private static string HelloFolder => Path.GetFullPath(Path.Combine(HostPaths.Root, "tests", "Benchmarks.Hello", "bin", Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/'))!), "net10.0"));

    private static async Task<double> TimeAsync(Command command)
    {
        BufferedCommandResult? result = null;
        var seconds = await Stats.SecondsAsync(async () => result = await command.WithValidation(CommandResultValidation.None).ExecuteBufferedAsync());
        return result!.StandardOutput.Trim() == "hello" ? seconds : throw new InvalidOperationException($"It printed '{result.StandardOutput}' and '{result.StandardError}'.");
    }

    /// <summary>Seconds until each of some sandboxes says hello, as many being started at a time as there are cores; all of them stay until the end.</summary>
    public async Task<IReadOnlyList<double>> RunscStayingAsync(int count)
    {
        var state = Path.Combine(_folder.FullName, "state");
        var running = new ConcurrentBag<(string Id, Process Process)>();
        var times = new ConcurrentBag<double>();
        var start = Stopwatch.GetTimestamp();
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, async (_, token) =>
            {
                var number = Interlocked.Increment(ref _count);
                var id = $"modal-hello-{Environment.ProcessId}-{number}";
                var command = new ProcessStartInfo("runsc", ["--root", state, "--network=none", "--ignore-cgroups", "run", "--bundle", Bundle(number, stays: true), id]) { RedirectStandardOutput = true, RedirectStandardError = true };
                var process = Process.Start(command)!;
                running.Add((id, process));
                if (await process.StandardOutput.ReadLineAsync(token) != "hello")
                {
                    throw new InvalidOperationException($"It printed '{await process.StandardError.ReadToEndAsync(token)}'.");
                }

                times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            });
            return [.. times];
        }
        finally
        {
            await Parallel.ForEachAsync(running, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (one, _) =>
            {
                var (id, process) = one;
                await Cli.Wrap("runsc").WithArguments(["--root", state, "kill", id, "KILL"]).WithValidation(CommandResultValidation.None).ExecuteAsync(CancellationToken.None);
                await process.WaitForExitAsync(CancellationToken.None);
                process.Dispose();
            });
        }
    }

    private string Bundle(int number, bool stays)
    {
        var bundle = Path.Combine(_folder.FullName, number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Directory.CreateDirectory(bundle);
        var configuration = new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = new JsonObject
            {
                ["user"] = new JsonObject { ["uid"] = 65534, ["gid"] = 65534 },
                ["args"] = new JsonArray([.. ((string[])["/modal/dotnet/dotnet", "/modal/app/Modal.Benchmarks.Hello.dll", .. stays ? (string[])["stay"] : []]).Select(a => JsonValue.Create(a))]),
                ["env"] = new JsonArray("PATH=/usr/bin:/bin", "HOME=/tmp", "DOTNET_ROOT=/modal/dotnet"),
                ["cwd"] = "/",
            },
            ["root"] = new JsonObject { ["path"] = _root, ["readonly"] = true },
            ["mounts"] = new JsonArray(
                Mount("/proc", "proc", "proc"), Mount("/tmp", "tmpfs", "tmpfs"), Mount("/modal/dotnet", "bind", _dotnet, "rbind", "ro"), Mount("/modal/app", "bind", HelloFolder, "rbind", "ro")),
            ["linux"] = new JsonObject { ["namespaces"] = new JsonArray([.. ((string[])["pid", "ipc", "uts", "mount", "network"]).Select(type => new JsonObject { ["type"] = type })]) },
        };
        File.WriteAllText(Path.Combine(bundle, "config.json"), configuration.ToJsonString());
        return bundle;
    }

    private static JsonObject Mount(string destination, string type, string source, params string[] options) =>
        new() { ["destination"] = destination, ["type"] = type, ["source"] = source, ["options"] = new JsonArray([.. options.Select(o => JsonValue.Create(o))]) };
}
