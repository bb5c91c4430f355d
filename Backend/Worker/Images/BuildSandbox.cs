using System.ComponentModel;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Code;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Protocol;

namespace Modal.Backend.Worker.Images;

/// <summary>
/// Runs a build's steps in gVisor: over the parent's files lies an overlay on this machine's disk that takes what they change. They have this machine's network, because
/// packages come over it, and no other part of the machine.
/// </summary>
internal sealed class BuildSandbox(WorkerOptions options, GVisorSandboxFactory factory, ImageRoots roots, CodeVersions codes, GpuInventory gpus) : IBuildSandbox
{
    // Names of other machines are this machine's matter, and what is known of them must not become a part of the image.
    private static readonly string[] s_networkFiles = ["/etc/resolv.conf", "/etc/hosts"];

    /// <summary>Folders of steps under way.</summary>
    public static string FolderOf(WorkerOptions options) => Path.Combine(options.StateDirectory, "builds");

    /// <inheritdoc/>
    public async Task<StepResult> RunAsync(StepRequest request, Action<OutputSource, ReadOnlyMemory<byte>> output, CancellationToken cancellationToken)
    {
        using var lease = request.Gpu.Length > 0 ? await LendAsync(request.Gpu, output, cancellationToken) : null;
        var id = Id.New(Id.Container);
        await using var lower = await roots.MountAsync(request.Parent.Name, id, cancellationToken);
        var folder = Open(id, lower.Path);
        try
        {
            using var call = request.Function is null ? null : await CallFolder.MakeAsync(request.Function, codes, cancellationToken);
            IReadOnlyList<IReadOnlyList<string>> commands = call is null ? request.Commands : [[.. GVisorSandboxFactory.RunnerCommand(needsAspNetCore: true), .. call.Arguments]];
            var (uid, gid) = Users.Resolve(folder.Merged, request.User) ?? (0, 0);
            var (failed, exitCode, reason) = (-1, 0, "");
            for (var i = 0; i < commands.Count && failed < 0; i++)
            {
                var exit = await RunOneAsync(request, commands[i], call, folder.Merged, uid, gid, lease is null ? null : gpus.Access(lease.Gpus), output, cancellationToken);
                exitCode = exit.ExitCode ?? 128 + exit.Signal;
                reason = exit.OutOfMemory ? $"it used more than {MemoryMiB} MiB of memory" : "";
                failed = exitCode != 0 || reason.Length > 0 ? i : -1;
            }

            folder.Unmount();
            return new StepResult(failed, exitCode, reason, folder.Upper, folder.Dispose);
        }
        catch (Exception e)
        {
            folder.Dispose();
            throw e is SandboxStartException ? new BuildSandboxException(e.Message, e) : e;
        }
    }

    private long MemoryMiB => options.BuildMemoryMiB;

    // The server chose a worker that has such GPUs, but it does not keep them free for builds: a step waits for containers, and containers for it.
    private async Task<GpuLease> LendAsync(string request, Action<OutputSource, ReadOnlyMemory<byte>> output, CancellationToken cancellationToken)
    {
        try
        {
            var lending = gpus.LendAsync(request, cancellationToken);
            if (!lending.IsCompleted)
            {
                output(OutputSource.System, System.Text.Encoding.UTF8.GetBytes($"waiting for the GPU {request}: containers have it\n"));
            }

            return await lending;
        }
        catch (SandboxStartException e)
        {
            throw new BuildSandboxException($"The step asks for the GPU {request}. {e.Message}", e);
        }
    }

    private StepFolder Open(string id, string lower)
    {
        try
        {
            return new StepFolder(FolderOf(options), id, lower);
        }
        catch (Win32Exception e)
        {
            throw new BuildSandboxException($"The step's files cannot be laid over the image's: {e.Message}. The state directory must be on a file system that can hold an overlay, such as ext4 or xfs.", e);
        }
    }

    private async Task<SandboxExit> RunOneAsync(
        StepRequest request, IReadOnlyList<string> command, CallFolder? call, string root, uint uid, uint gid, GpuAccess? gpu, Action<OutputSource, ReadOnlyMemory<byte>> output, CancellationToken cancellationToken)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = RunnerProgram.DefaultPath,
            ["HOME"] = uid == 0 ? "/root" : "/",
            ["LANG"] = "C.UTF-8",
        };
        foreach (var (name, value) in request.Environment)
        {
            environment[name] = value;
        }

        IReadOnlyList<BindMount> runner = call is null ? [] : [.. factory.RunnerBinds(call.CodePath), new BindMount(CallFolder.Inside, call.Path)];
        var bundle = new BundleSpec
        {
            Root = root,
            Command = command,
            Environment = call is null ? environment : GVisorSandboxFactory.RunnerEnvironment(MemoryMiB, environment),
            Binds =
            [
                .. s_networkFiles.Where(File.Exists).Select(static f => new BindMount(f, f)),
                .. request.Caches.Select(c => new BindMount(c.Key, CacheFolder(c.Value), IsWritable: true)),
                .. request.Binds.Select(static b => new BindMount(b.Key, b.Value)),
                .. runner,
            ],
            WorkingDirectory = request.WorkingDirectory,
            MemoryMiB = MemoryMiB,
            Gpu = gpu,
            Uid = uid,
            Gid = gid,
            IsBuild = true,
            HasHostNetwork = true,
        };
        await using var sandbox = await factory.StartAsync(Id.New(Id.Container), Environment.ProcessorCount, bundle, new Output(output), RunscVerb.Run, cancellationToken);
        await using var kill = cancellationToken.UnsafeRegister(static s => ((ISandbox)s!).Kill(), sandbox);
        var exit = await sandbox.Exited;
        cancellationToken.ThrowIfCancellationRequested();
        return exit;
    }

    // The id is the author's text; as a name of a folder it could lead elsewhere.
    private string CacheFolder(string id)
    {
        var folder = Path.Combine(options.StateDirectory, "build-caches", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(id))));
        Directory.CreateDirectory(folder);
        return folder;
    }

    private sealed class Output(Action<OutputSource, ReadOnlyMemory<byte>> write) : ISandboxEvents
    {
        public void OnOutput(OutputSource source, ReadOnlySpan<byte> bytes) => write(source, bytes.ToArray());

        public void OnFrame(RunnerFrame frame)
        {
            // A step has no channel: nothing comes.
        }
    }
}
