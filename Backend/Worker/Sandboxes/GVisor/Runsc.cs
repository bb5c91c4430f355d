using System.Globalization;
using System.Text.Json.Nodes;
using Modal.Backend.Worker.Cgroups;
using Modal.Backend.Worker.Loop;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>The runsc program and its state folder.</summary>
internal sealed class Runsc
{
    private static readonly string[] s_environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"];

    private readonly string _program;
    private readonly string _platform;
    private readonly SandboxHost _host;

    public Runsc(string program, string platform, SandboxHost host)
    {
        (_program, _platform, _host) = (program, platform, host);
        StateDirectory = Path.Combine(host.Options.StateDirectory, "runsc");
        Directory.CreateDirectory(StateDirectory);
    }

    /// <summary>Its --root: one file per sandbox, and the sockets.</summary>
    public string StateDirectory { get; }

    /// <summary>Starts a sandbox in the background and returns when the program in it runs.</summary>
    /// <param name="id">Container id.</param>
    /// <param name="spec">What is in it.</param>
    /// <param name="cgroup">What it is put into.</param>
    /// <param name="input">Its descriptor 0.</param>
    /// <param name="output">Its descriptor 1.</param>
    /// <param name="error">Its descriptor 2.</param>
    /// <param name="verb">The command that makes it.</param>
    /// <param name="cancellationToken">Ends waiting; the caller then removes what was made.</param>
    /// <returns>The sandbox's process; null if runsc failed, having said why on <paramref name="error"/>.</returns>
    public async Task<(Descriptor Process, int Pid)?> RunAsync(
        string id, BundleSpec spec, Cgroup? cgroup, Descriptor input, Descriptor output, Descriptor error, RunscVerb verb, CancellationToken cancellationToken)
    {
        var bundle = Path.Combine(_host.ContainersDirectory, id);
        Directory.CreateDirectory(bundle);
        await File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), GVisorBundle.Configuration(spec).ToJsonString(), cancellationToken);
        var pidFile = Path.Combine(bundle, "pid");

        // One command instead of create and start: each is a large program that takes 40 ms to begin. Control groups are ours: having runsc manage them costs half a second.
        string[] command =
        [
            .. Program(Path.Combine(bundle, "runsc.log"), spec.HasHostNetwork, spec.IsBuild),

            // Said and not left to be found out: it asks the driver by a device, which every start would do again.
            .. spec.Gpu is { } gpu ? (string[])["--nvproxy", $"--nvproxy-driver-version={gpu.DriverVersion}"] : [],
            .. verb.Arguments, "--bundle", bundle, "--pid-file", pidFile, id,
        ];
        var pid = Spawn.Start(SandboxHost.Inside(cgroup, command), s_environment, "/", input, output, error);
        using var process = Wait.OpenProcess(pid) ?? throw new SandboxStartException("The kernel is too old: process descriptors (pidfd_open, Linux 5.3) are needed.");
        var end = await EndOfAsync(process, cancellationToken);
        if (end is not { ExitCode: 0, Signal: 0 })
        {
            return null;
        }

        var sandbox = int.Parse(await File.ReadAllTextAsync(pidFile, cancellationToken), CultureInfo.InvariantCulture);
        return (Wait.OpenProcess(sandbox) ?? throw new SandboxStartException($"The sandbox's process {sandbox} was gone before it could be watched."), sandbox);
    }

    /// <summary>Fills a sandbox that was created.</summary>
    /// <returns>Null if it is done, else why not.</returns>
    public async Task<string?> RestoreAsync(string id, string folder, CancellationToken cancellationToken)
    {
        var bundle = Path.Combine(_host.ContainersDirectory, id);
        var log = Path.Combine(bundle, "restore.log");
        return await RunAsync([.. Program(log), .. RunscVerb.Restore(folder).Arguments, "--bundle", bundle, id], log, cancellationToken);
    }

    /// <summary>Writes a sandbox's memory into a folder; the sandbox goes on.</summary>
    /// <returns>Null if it is done, else why not.</returns>
    public async Task<string?> CheckpointAsync(string id, string folder, CancellationToken cancellationToken)
    {
        var log = Path.Combine(_host.ContainersDirectory, id, "checkpoint.log");

        // Compression would cost more than the time of reading what it saves; the store does it later.
        return await RunAsync([.. Program(log), "checkpoint", "--leave-running", "--compression=none", "--exclude-committed-zero-pages", "--image-path", folder, id], log, cancellationToken);
    }

    /// <summary>What snapshots depend on: the program and how it runs.</summary>
    public string Fingerprint()
    {
        using var program = File.OpenRead(_program);
        return $"{_platform} {Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(program))}";
    }

    /// <summary>Says why sandboxes cannot use GPUs with this driver; null if they can. Each version of runsc knows the calls of some versions of the driver.</summary>
    public async Task<string?> FindGpuObstacleAsync(string driverVersion)
    {
        using var process = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo(_program, ["nvproxy", "list-supported-drivers"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var complaint = process.StandardError.ReadToEndAsync();
        var known = (await process.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        await process.WaitForExitAsync();
        return process.ExitCode != 0 ? $"This version of runsc passes no GPUs on: {(await complaint).Trim()}"
            : known.Contains(driverVersion, StringComparer.Ordinal) ? null
            : $"runsc does not know the driver {driverVersion}, but {string.Join(", ", known)}. Install a runsc that does, or one of these drivers.";
    }

    /// <summary>Why the last run of this sandbox failed, from runsc's log.</summary>
    public string Complaint(string id) => EndOf(Path.Combine(_host.ContainersDirectory, id, "runsc.log"));

    /// <summary>Removes a dead sandbox's files.</summary>
    public void Forget(string id)
    {
        foreach (var file in Directory.EnumerateFiles(StateDirectory, $"*{id}*"))
        {
            if (file.EndsWith(".state", StringComparison.Ordinal) && ReadState(file) is { } state && state["sandbox"]?["controlSocketPath"]?.GetValue<string>() is { Length: > 0 } socket)
            {
                // Outside the folder when its path is too long for a socket.
                File.Delete(socket);
            }

            File.Delete(file);
        }
    }

    /// <summary>Kills the sandboxes of earlier runs that are recorded in the state folder and are still there.</summary>
    /// <returns>How many were alive.</returns>
    public int KillLeftovers()
    {
        var alive = 0;
        foreach (var file in Directory.EnumerateFiles(StateDirectory, "*.state"))
        {
            var state = ReadState(file);
            var pids = new[] { state?["sandbox"]?["pid"], state?["goferPid"] };
            foreach (var pid in pids.OfType<JsonNode>().Select(node => node.GetValue<int>()))
            {
                // The number may belong to another program by now.
                if (IsOurs(pid))
                {
                    Wait.Kill(pid, Wait.SIGKILL);
                    alive++;
                }
            }
        }

        foreach (var file in Directory.EnumerateFiles(StateDirectory))
        {
            File.Delete(file);
        }

        return alive;
    }

    // The program and what all its commands have in common.
    private string[] Program(string log, bool hasHostNetwork = false, bool isBuild = false) =>
    [
        _program, "--root", StateDirectory, $"--platform={_platform}", hasHostNetwork ? "--network=host" : "--network=none", "--ignore-cgroups", isBuild ? "--overlay2=none" : "--overlay2=root:memory", "--log", log,
    ];

    private static string EndOf(string log) => File.Exists(log) ? string.Join(' ', File.ReadLines(log).TakeLast(3)).Trim() : "";

    private async Task<string?> RunAsync(string[] command, string log, CancellationToken cancellationToken)
    {
        using var nothing = Unistd.OpenNull();

        // Its end is ours to take.
        using var hold = Orphans.Hold();
        var pid = Spawn.Start(command, s_environment, "/", nothing, null, null);
        using var process = Wait.OpenProcess(pid) ?? throw new SandboxStartException("The process of runsc was gone before it could be watched.");
        return await EndOfAsync(process, cancellationToken) is { ExitCode: 0, Signal: 0 } ? null
            : File.Exists(log) ? EndOf(log) : $"{_program} failed.";
    }

    private bool IsOurs(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Contains(StateDirectory, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static JsonNode? ReadState(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(file));
        }
        catch (System.Text.Json.JsonException)
        {
            // Cut off by the crash that made it a leftover; its control group still finds its processes.
            return null;
        }
    }

    private async Task<ProcessEnd?> EndOfAsync(Descriptor process, CancellationToken cancellationToken)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        EventLoop.Watched? watch = null;
        watch = _host.Loop.Watch(process, 0, () =>
        {
            watch!.Dispose();
            ended.TrySetResult();
        });
        watch.Change(Epoll.EPOLLIN);
        try
        {
            await ended.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Wait.Kill(process, Wait.SIGKILL);
            await ended.Task;
            _ = Wait.Reap(process);
            throw;
        }

        return Wait.Reap(process);
    }
}
