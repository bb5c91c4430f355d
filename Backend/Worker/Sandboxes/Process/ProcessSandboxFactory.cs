using Microsoft.Extensions.Logging;
using Modal.Backend.Worker.Native;

namespace Modal.Backend.Worker.Sandboxes.Process;

/// <summary>Runs containers as plain child processes: no isolation at all, for machines where gVisor does not work.</summary>
internal sealed class ProcessSandboxFactory(SandboxHost host, RunnerProgram runner, ILogger logger) : ISandboxFactory
{
    /// <inheritdoc/>
    public string Kind => "process";

    /// <inheritdoc/>
    public Task<ISandbox> StartAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken)
    {
        if (spec.Image is not null)
        {
            // Running it on this machine's own files would look right until the first package is missing.
            throw new SandboxStartException("The function names an image, and images need gVisor: a plain process sees this machine's own files.");
        }

        Directory.CreateDirectory(Path.Combine(host.ContainersDirectory, spec.Id));
        var memoryBytes = spec.MemoryMiB * 1024 * 1024;
        var cgroup = host.CreateCgroup(spec.Id, memoryBytes, spec.CpuCores);
        var (ours, theirs) = Socket.Pair();
        var (stdout, stdoutTheirs) = Unistd.Pipe();
        var (stderr, stderrTheirs) = Unistd.Pipe();
        Descriptor process;
        int pid;
        using var hold = Orphans.Hold();
        try
        {
            var command = RunnerProgram.Command(runner.DotnetRoot, runner.Directory, spec.NeedsAspNetCore ? runner.AspNetCoreDirectory : null);
            var environment = RunnerProgram.Environment(runner.DotnetRoot, spec.MemoryMiB).Select(pair => $"{pair.Key}={pair.Value}")

                // A plain process can open every device; CUDA keeps to these.
                .Concat(spec.Gpu is { } gpu ? [$"CUDA_VISIBLE_DEVICES={gpu.Environment["NVIDIA_VISIBLE_DEVICES"]}"] : []);
            pid = Spawn.Start(SandboxHost.Inside(cgroup, command), environment, spec.CodePath, theirs, stdoutTheirs, stderrTheirs);

            // Our own child: its number cannot be taken by another before we have reaped it.
            process = Wait.OpenProcess(pid) ?? throw new SandboxStartException("The kernel is too old: process descriptors (pidfd_open, Linux 5.3) are needed.");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or SandboxStartException)
        {
            ours.Dispose();
            stdout.Dispose();
            stderr.Dispose();
            host.CleanUp(spec.Id, cgroup);
            throw e as SandboxStartException ?? new SandboxStartException(e.Message, e);
        }
        finally
        {
            theirs.Dispose();
            stdoutTheirs.Dispose();
            stderrTheirs.Dispose();
        }

        var io = new SandboxIo(ours, stdout, stderr, host.Loop, events);
        return Task.FromResult<ISandbox>(new SandboxProcess(
            process, pid, io, cgroup, memoryBytes, host.Memory, host.Loop, Describe, () => host.CleanUp(spec.Id, cgroup), what => Log.ProtocolViolation(logger, spec.Id, what)));
    }

    /// <inheritdoc/>
    public string? SnapshotPlatform => null;

    /// <inheritdoc/>
    public Task<ISandbox> CreateAsync(SandboxSpec spec, ISandboxEvents events, CancellationToken cancellationToken) =>
        throw new SandboxStartException("Plain processes cannot be made without a program.");

    /// <inheritdoc/>
    public Task<ISandbox> RestoreAsync(SandboxSpec spec, string folder, ISandboxEvents events, CancellationToken cancellationToken) =>
        throw new SandboxStartException("Plain processes cannot be restored from a snapshot.");

    /// <inheritdoc/>
    public void RemoveLeftovers() => host.RemoveLeftovers();

    private static SandboxExit Describe(ProcessEnd? end, bool outOfMemory, bool killed) => end is { } e
        ? new SandboxExit(e.Signal == 0 ? e.ExitCode : null, e.Signal, outOfMemory, FromOutside: e.Signal == Wait.SIGKILL && !killed && !outOfMemory)
        : new SandboxExit(null, 0, outOfMemory, FromOutside: false);
}
