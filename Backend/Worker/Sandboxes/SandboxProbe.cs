using System.Text.Json;
using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Native;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Backend.Worker.Sandboxes.Process;
using Modal.Protocol;

namespace Modal.Backend.Worker.Sandboxes;

/// <summary>What containers run in, and why not in something better.</summary>
/// <param name="Factory">Makes them.</param>
/// <param name="Advice">Why they are not isolated and how to get it; empty with gVisor.</param>
internal sealed record SandboxChoice(ISandboxFactory Factory, string Advice);

/// <summary>Finds out once whether gVisor works here, by running a program in it.</summary>
internal sealed class SandboxProbe(SandboxHost host, ILogger<SandboxProbe> logger)
{
    private const string HowTo = "Install gVisor (the Debian package runsc, version 20240729 or newer) and start the server as root; the run script of the repository does both.";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Chooses.</summary>
    /// <exception cref="SandboxStartException">gVisor was asked for and does not work.</exception>
    public async Task<SandboxChoice> ChooseAsync(CancellationToken cancellationToken)
    {
        var options = host.Options;
        var runner = RunnerProgram.Locate(options.RunnerDirectory, options.StateDirectory);
        if (options.Sandbox == SandboxKind.Process)
        {
            return Plain(runner, "The setting Sandbox asks for plain processes.");
        }

        var (factory, obstacle) = await TryGVisorAsync(runner, cancellationToken);
        if (factory is not null)
        {
            Log.SandboxChosen(logger, factory.Kind);
            return new SandboxChoice(factory, "");
        }

        return options.Sandbox == SandboxKind.GVisor
            ? throw new SandboxStartException($"gVisor is required but does not work here: {obstacle} {HowTo}")
            : Plain(runner, $"{obstacle} {HowTo}");
    }

    private SandboxChoice Plain(RunnerProgram runner, string advice)
    {
        Log.NotIsolated(logger, advice);
        return new SandboxChoice(new ProcessSandboxFactory(host, runner, logger), advice);
    }

    private async Task<(ISandboxFactory? Factory, string Obstacle)> TryGVisorAsync(RunnerProgram runner, CancellationToken cancellationToken)
    {
        if (!Unistd.IsRoot)
        {
            return (null, "The server does not run as root, which gVisor needs.");
        }

        if (FindProgram(host.Options.RunscPath) is not { } program)
        {
            return (null, $"The program {host.Options.RunscPath} was not found.");
        }

        if (FindBaseRoot() is not { } root)
        {
            return (null, $"There is no base root file system below {Path.Combine(host.Options.StateDirectory, "base")}; the script bootstrap-base makes one.");
        }

        var factory = new GVisorSandboxFactory(host, runner, new Runsc(program, host.Options.Platform, host), root, logger);

        // The answer holds for one binary on one kernel.
        var file = new FileInfo(program);
        var key = $"{program} {file.Length} {file.LastWriteTimeUtc.Ticks} {host.Options.Platform} {Environment.OSVersion.Version}";
        var memory = Path.Combine(host.Options.StateDirectory, "gvisor-probe.json");
        if (Recall(memory) == key)
        {
            return (factory, "");
        }

        if (await RunProbeAsync(factory, cancellationToken) is { } obstacle)
        {
            return (null, obstacle);
        }

        await File.WriteAllTextAsync(memory, JsonSerializer.Serialize(key), cancellationToken);
        return (factory, "");
    }

    private static async Task<string?> RunProbeAsync(GVisorSandboxFactory factory, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            var bundle = new BundleSpec
            {
                Root = factory.Root,
                Command = ["/bin/sh", "-c", "exit 42"],
                Environment = new Dictionary<string, string>(StringComparer.Ordinal),
                WorkingDirectory = "/",
                MemoryMiB = 256,
            };
            await using var sandbox = await factory.StartAsync(Id.New(Id.Container), 1, bundle, new Ignore(), RunscVerb.Run, limit.Token);
            var exit = await sandbox.Exited.WaitAsync(limit.Token);
            return exit.ExitCode == 42 ? null : $"A trial sandbox ended with {exit} instead of exit code 42.";
        }
        catch (SandboxStartException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"A trial sandbox did not end within {s_limit.TotalSeconds} s.";
        }
    }

    private string? FindBaseRoot()
    {
        if (host.Options.BaseRootDirectory is { } given)
        {
            return given;
        }

        var bases = new DirectoryInfo(Path.Combine(host.Options.StateDirectory, "base"));
        return !bases.Exists ? null : bases.EnumerateDirectories()
            .Where(folder => Directory.Exists(Path.Combine(folder.FullName, "rootfs")))
            .OrderByDescending(folder => folder.LastWriteTimeUtc)
            .Select(folder => Path.Combine(folder.FullName, "rootfs"))
            .FirstOrDefault();
    }

    private static string? FindProgram(string name)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/local/sbin").Append("/usr/sbin").Append("/sbin").Append("/usr/bin");
        return name.Contains('/', StringComparison.Ordinal)
            ? File.Exists(name) ? Path.GetFullPath(name) : null
            : folders.Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    private static string? Recall(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<string>(File.ReadAllText(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed class Ignore : ISandboxEvents
    {
        public void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes)
        {
            // The trial prints nothing that matters.
        }

        public void OnFrame(RunnerFrame frame)
        {
            // No runner is in it.
        }
    }
}
