using System.ComponentModel;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Cgroups;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes.GVisor;

/// <summary>Runs each container in a gVisor sandbox of its own.</summary>
internal sealed class GVisorSandboxFactory(SandboxHost host, RunnerProgram runner, Runsc runsc, string root, ILogger logger) : ISandboxFactory
{
    // What the sandbox itself needs beside the code: its kernel, the file server, page tables. Measured at 50 to 90 MiB; never taken from the user's limit.
    private const long OverheadMiB = 128;

    private const string DotnetPath = "/modal/dotnet";
    private const string RunnerPath = "/modal/runner";
    private const string AspNetCorePath = "/modal/runner-aspnetcore";

    private readonly Lazy<string?> _platform = new(() => $"{runner.Fingerprint()} {runsc.Fingerprint()} {Processor()} base {BaseOf(root)}");

    /// <inheritdoc/>
    public string Kind => "gvisor";

    /// <summary>The standard base.</summary>
    public string Root => root;

    /// <inheritdoc/>
    public async Task<ISandbox> StartAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken) =>
        await StartAsync(spec.Id, spec.CpuCores, await BundleOfAsync(spec, cancellationToken), events, RunscVerb.Run, cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken) =>
        await StartAsync(spec.Id, spec.CpuCores, await BundleOfAsync(spec, cancellationToken), events, RunscVerb.Create, cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> RestoreAsync(SandboxSpec spec, string folder, ISandboxEvents events, CancellationToken cancellationToken) =>
        await StartAsync(spec.Id, spec.CpuCores, await BundleOfAsync(spec, cancellationToken), events, RunscVerb.Restore(folder), cancellationToken);

    /// <inheritdoc/>
    public string? SnapshotPlatform => _platform.Value;

    private async Task<BundleSpec> BundleOfAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        var image = spec.Image;
        return new BundleSpec
        {
            Root = image?.Root ?? root,
            Command = RunnerCommand(spec.NeedsAspNetCore),
            Environment = RunnerEnvironment(spec.MemoryMiB, image?.Environment ?? new Dictionary<string, string>()),
            Binds = [.. image?.Binds ?? [], .. RunnerBinds(spec.CodePath)],
            WorkingDirectory = image?.WorkingDirectory ?? GVisorBundle.CodePath,
            MemoryMiB = spec.MemoryMiB,
            TemporaryMiB = spec.EphemeralDiskMiB,
            DiskFolder = spec.EphemeralDiskMiB > 0 ? await MakeDiskAsync(spec.Id, spec.EphemeralDiskMiB, cancellationToken) : null,
            Gpu = spec.Gpu,
            Uid = image?.Uid ?? GVisorBundle.NobodyId,
            Gid = image?.Gid ?? GVisorBundle.NobodyId,
        };
    }

    /// <summary>The runner's command line inside.</summary>
    public static string[] RunnerCommand(bool needsAspNetCore) => RunnerProgram.Command(DotnetPath, RunnerPath, needsAspNetCore ? AspNetCorePath : null);

    /// <summary>What the runner's process needs of the environment; <paramref name="own"/> else.</summary>
    public static IReadOnlyDictionary<string, string> RunnerEnvironment(long memoryMiB, IReadOnlyDictionary<string, string> own) => Merge(RunnerProgram.Environment(DotnetPath, memoryMiB), own);

    /// <summary>The runner, .NET and the code inside.</summary>
    public BindMount[] RunnerBinds(string codePath) =>
    [
        new BindMount(GVisorBundle.CodePath, codePath),
        new BindMount(DotnetPath, runner.DotnetRoot),
        new BindMount(RunnerPath, runner.Directory),
        new BindMount(AspNetCorePath, runner.AspNetCoreDirectory),
    ];

    /// <summary>As above for any program: the probe runs one that needs nothing, a build its steps.</summary>
    internal async Task<ISandbox> StartAsync(string id, double cpuCores, BundleSpec bundle, ISandboxEvents events, RunscVerb verb, CancellationToken cancellationToken)
    {
        var memoryBytes = (bundle.MemoryMiB + OverheadMiB) * 1024 * 1024;
        var cgroup = host.CreateCgroup(id, memoryBytes, cpuCores);
        var (ours, theirs) = Socket.Pair();
        var (stdout, stdoutTheirs) = Unistd.Pipe();
        var (stderr, stderrTheirs) = Unistd.Pipe();

        // A build's step has no channel: its input ends at once.
        using var none = bundle.IsBuild ? Unistd.OpenNull() : null;
        var io = new SandboxIo(ours, stdout, stderr, host.Loop, events);
        try
        {
            using var hold = Orphans.Hold();
            var (process, pid) = await runsc.RunAsync(id, bundle, cgroup, none ?? theirs, stdoutTheirs, stderrTheirs, verb, cancellationToken)
                ?? throw new SandboxStartException($"gVisor could not start the sandbox: {Text(io.TakeEarlyOutput(), runsc.Complaint(id))}");
            return new SandboxProcess(
                process, pid, io, cgroup, memoryBytes, host.Memory, host.Loop, Describe, () => CleanUp(id, cgroup), what => Log.ProtocolViolation(logger, id, what),
                async (folder, token) => Succeed(await runsc.CheckpointAsync(id, folder, token)),
                async (folder, token) => Succeed(await runsc.RestoreAsync(id, folder, token)));
        }
        catch (Exception e)
        {
            io.Dispose();
            cgroup?.Kill();
            CleanUp(id, cgroup);
            if (e is Win32Exception or IOException)
            {
                throw new SandboxStartException(e.Message, e);
            }

            throw;
        }
        finally
        {
            theirs.Dispose();
            stdoutTheirs.Dispose();
            stderrTheirs.Dispose();
        }
    }

    /// <summary>Says why sandboxes cannot use GPUs with this driver; null if they can.</summary>
    public Task<string?> FindGpuObstacleAsync(string driverVersion) => runsc.FindGpuObstacleAsync(driverVersion);

    /// <inheritdoc/>
    public void RemoveLeftovers()
    {
        var count = runsc.KillLeftovers() + host.RemoveLeftovers();
        if (count > 0)
        {
            Log.LeftoversRemoved(logger, count);
        }
    }

    // Where there can be no disk of its own the limit still holds, and what is written counts as memory.
    private async Task<string?> MakeDiskAsync(string id, long sizeMiB, CancellationToken cancellationToken)
    {
        var folder = host.FolderOf(id);
        try
        {
            var (path, obstacle) = await SandboxDisk.MakeAsync(folder, sizeMiB, cancellationToken);
            if (path is null)
            {
                Log.DiskInMemory(logger, id, sizeMiB, obstacle);
            }

            return path;
        }
        catch (OperationCanceledException)
        {
            host.Remove(folder);
            throw;
        }
    }

    // The runtime's own settings win: without them the runner does not start.
    private static Dictionary<string, string> Merge(IReadOnlyDictionary<string, string> own, IReadOnlyDictionary<string, string> image)
    {
        var merged = new Dictionary<string, string>(own, StringComparer.Ordinal);
        foreach (var (name, value) in image.Where(pair => !pair.Key.StartsWith("DOTNET_", StringComparison.Ordinal)))
        {
            merged[name] = value;
        }

        return merged;
    }

    private static void Succeed(string? obstacle)
    {
        if (obstacle is not null)
        {
            throw new SandboxStartException(obstacle);
        }
    }

    // What programs were compiled for, just in time or ahead of it, may be missing on another processor.
    private static string Processor() => Hash(string.Join('\n', File.ReadLines("/proc/cpuinfo")
        .Where(static line => line.StartsWith("flags", StringComparison.Ordinal) || line.StartsWith("Features", StringComparison.Ordinal)).Distinct()));

    // The standard base is made by each machine for itself: the same packages are the same files.
    private static string BaseOf(string root)
    {
        var packages = Path.Combine(root, "var/lib/dpkg/status");
        return File.Exists(packages) ? Hash(File.ReadAllText(packages)) : $"{Environment.MachineName} {root}";
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private void CleanUp(string id, Cgroup? cgroup)
    {
        runsc.Forget(id);
        host.CleanUp(id, cgroup);
    }

    // The sandbox's process ends with the exit code of the program inside, 128 + n for signal n. It dies of a signal itself only when someone kills it.
    private static SandboxExit Describe(ProcessEnd? end, bool outOfMemory, bool killed) => end switch
    {
        null => new SandboxExit(null, 0, outOfMemory, FromOutside: false),
        { Signal: not 0 } => new SandboxExit(null, end.Value.Signal, outOfMemory, FromOutside: !killed && !outOfMemory),
        { ExitCode: > 128 and <= 192 } => new SandboxExit(null, end.Value.ExitCode - 128, outOfMemory, FromOutside: false),
        _ => new SandboxExit(end.Value.ExitCode, 0, outOfMemory, FromOutside: false),
    };

    private static string Text(params string[] parts) => string.Join(' ', parts.Where(part => part.Length > 0)) is { Length: > 0 } text ? text : "it gave no reason.";
}
