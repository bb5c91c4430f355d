using System.Globalization;
using Modal.Backend.Worker.Runners;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Sandboxes.GVisor;
using Modal.Backend.Worker.Snapshots;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <content>The start: from a snapshot if there is one, else anew.</content>
internal sealed partial class Container
{
    // A restored process answers in some 50 ms; one that does not in this time will not.
    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _warm = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ContainerStart _kind = ContainerStart.Lazy;
    private string _fallbackReason = "";
    private SnapshotKey? _snapshotKey;
    private string? _snapshotFolder;
    private SandboxSpec? _spec;

    // Time of the start that is not the user's: while a snapshot is written.
    private TimeSpan _paused;
    private bool _isCheckpointing;

    private async Task StartAsync()
    {
        _timeline.End("queued");
        var code = await _services.Code.EnsureAsync(_start.Code, _abort.Token);
        _timeline.End("code");
        _services.Holdings.Add(LocalKeys.Code(_start.Code.Digest));
        var function = _start.Function.Clone();
        if (function.ServiceArguments is { ContentCase: Payload.ContentOneofCase.BlobDigest } arguments)
        {
            function.ServiceArguments = new Payload { Format = arguments.Format, Inline = await FetchAsync(arguments) };
        }

        if (_start.Gpus.Count > 0)
        {
            _gpus = await HoldGpusAsync();
            _timeline.End("gpu");
        }

        var cores = function.Resources is { CpuCores: > 0 } r ? r.CpuCores : DefaultCpuCores;
        _spec = new SandboxSpec(
            Id, code, cores, MemoryMiB, function.NeedsAspnetcore, Image: null, function.Resources?.EphemeralDiskMib ?? 0, _gpus is null ? null : _services.Gpus.Access(_gpus.Gpus));
        if ((function.MemorySnapshot && await TryRestoreAsync(function)) || await TryTakeRunnerAsync(function))
        {
            return;
        }

        await AcquireImageAsync();
        await BootAsync(function);
    }

    private async Task AcquireImageAsync()
    {
        if (_start.Function.ImageId.Length > 0 && _image is null)
        {
            _image = await _services.Images.AcquireAsync(_start.Function.ImageId, Id, _start.Function.Name, _abort.Token);
            _services.Holdings.Add(LocalKeys.Image(_start.Function.ImageId));
            _timeline.End("image");
        }

        if (_start.Function.Volumes.Count > 0 && _volumes is null)
        {
            if (_services.Factory is not GVisorSandboxFactory gVisor)
            {
                throw new SandboxStartException("The function has volumes, and they need gVisor: a plain process sees this machine's own files.");
            }

            _volumes = await _services.Volumes.MountAsync(Id, _start.Function.Volumes, _image?.Sandbox, gVisor.Root, OnVolumeProblem, _abort.Token);
            _timeline.End("volumes");
        }

        _spec = _spec! with { Image = _volumes?.Sandbox ?? _image?.Sandbox };
    }

    // A runner that waits for code, if there is one of the same kind.
    private async Task<bool> TryTakeRunnerAsync(FunctionSpec function)
    {
        // What waits has no volumes, and they cannot be mounted into it.
        if (KindOf(function) is not { } kind || _image is not null || function.Volumes.Count > 0 || await _services.Runners.TryTakeAsync(kind, _abort.Token) is not { } runner)
        {
            return false;
        }

        _image = runner.Image;
        _kind = ContainerStart.Runner;
        _answered.TrySetResult();
        runner.Events.GiveTo(this);
        Adopt(runner.Sandbox, "runner");
        runner.AddCode(_spec!.CodePath);
        runner.Sandbox.SetCpu(_spec.CpuCores);
        SendStart(runner.Sandbox, function);
        return true;
    }

    // Null if it needs a sandbox that differs from others.
    private RunnerKind? KindOf(FunctionSpec function) =>
        function.Resources is { Gpu.Length: > 0 } or { EphemeralDiskMib: > 0 } ? null : new RunnerKind(function.ImageId, function.NeedsAspnetcore, MemoryMiB);

    private async Task BootAsync(FunctionSpec function)
    {
        if (await TryRestoreRunnerAsync(function))
        {
            return;
        }

        var sandbox = await _services.Factory.StartAsync(_spec!, this, _abort.Token);
        Adopt(sandbox, "sandbox");

        // A snapshot of the function will be much like that of a runner without code only if it stems from it: addresses differ from process to process.
        if (_snapshotFolder is not null && KindOf(function) is { } kind && RunnerSnapshot.IsWanted(kind, _services.Factory, _services.Snapshots))
        {
            try
            {
                await TakeRunnerSnapshotAsync(sandbox, kind);
            }
            catch (SandboxStartException) when (!sandbox.Exited.IsCompleted)
            {
                // Said in the log; this container needs no snapshot.
            }
        }

        SendStart(sandbox, function);
    }

    private async Task TakeRunnerSnapshotAsync(ISandbox sandbox, RunnerKind kind)
    {
        sandbox.Send(new WorkerFrame { WarmUp = new RunnerWarmUp { ForSnapshot = true } });
        await Task.WhenAny(_warm.Task, sandbox.Exited).WaitAsync(StartupTimeout, _services.Time, _abort.Token);
        if (!sandbox.Exited.IsCompleted && RunnerSnapshot.TryBegin(kind, _services.Factory, _services.Snapshots) is { } place)
        {
            await RunnerSnapshot.TakeAsync(
                place, sandbox, _spec!, kind, _services.Factory, _services.Images, _services.Snapshots, Path.Combine(_services.Options.StateDirectory, "containers", $"trial-{Id}"), _services.Time, _abort.Token);
        }

        lock (_gate)
        {
            _timeline.End("checkpoint");
        }
    }

    private void SendStart(ISandbox sandbox, FunctionSpec function) =>
        sandbox.Send(new WorkerFrame
        {
            Start = new RunnerStart
            {
                ContainerId = Id,
                CodePath = _services.Factory.Kind == "gvisor" ? GVisorBundle.CodePath : _spec!.CodePath,
                Function = function,
                Environment = { Variables() },
                Snapshot = _snapshotFolder is not null,
                AppId = _start.AppId,
            },
        });

    // A process without code from a snapshot: quicker than a new one, for any function of its kind.
    private async Task<bool> TryRestoreRunnerAsync(FunctionSpec function)
    {
        // What is mounted in a restored sandbox is what was mounted in the one of the snapshot.
        if (_services.Factory.SnapshotPlatform is not { } platform || KindOf(function) is not { } kind || function.Volumes.Count > 0)
        {
            return false;
        }

        var key = SnapshotKey.Of(platform, kind);
        using var snapshot = await _services.Snapshots.FindLocalAsync(key);
        if (snapshot is null)
        {
            return false;
        }

        if (await RestoreAsync(function, snapshot.Folder, ContainerStart.RunnerSnapshot) is { } obstacle)
        {
            _timeline.End("restore");
            await _services.Snapshots.RejectAsync(key, RunnerSnapshot.Function, obstacle);
            return false;
        }

        SendStart(_sandbox!, function);
        return true;
    }

    // False if the container has to be booted; then the folder for a new snapshot is set if one is to be taken.
    private async Task<bool> TryRestoreAsync(FunctionSpec function)
    {
        if (_services.Factory.SnapshotPlatform is not { } platform || KindOf(function) is null || function.Volumes.Count > 0)
        {
            // What a GPU holds, and a disk, are not in the sandbox's memory; and files of a volume that were open then may be gone from its newest version.
            return false;
        }

        _snapshotKey = SnapshotKey.Of(platform, function.ImageId, Path.GetFileName(_spec!.CodePath), function, MemoryMiB, _start.SecretFingerprint);
        var (snapshot, obstacle) = await _services.Snapshots.FindAsync(_snapshotKey, _abort.Token);
        if (snapshot is null && obstacle is null)
        {
            _snapshotFolder = _services.Snapshots.TryBegin(_snapshotKey);
            return false;
        }

        _timeline.End("snapshot");
        if (snapshot is not null)
        {
            using (snapshot)
            {
                obstacle = await RestoreAsync(function, snapshot.Folder, ContainerStart.Snapshot);
            }

            if (obstacle is null)
            {
                _services.Holdings.Add(LocalKeys.Snapshot(_start.Function, _start.Code));
                return true;
            }

            _timeline.End("restore");
            _services.Holdings.Remove(LocalKeys.Snapshot(_start.Function, _start.Code));
            await _services.Snapshots.RejectAsync(_snapshotKey, function.Name, obstacle);
        }

        _snapshotFolder = _services.Snapshots.TryBegin(_snapshotKey);
        _fallbackReason = $"The snapshot of '{function.Name}' could not be used, so the container was started without: {obstacle}";
        _output.Send(OutputSource.System, Google.Protobuf.ByteString.CopyFromUtf8(_fallbackReason + "\n"), null, managed: false);
        return false;
    }

    /// <returns>Null if a process from the snapshot runs, else why not.</returns>
    private async Task<string?> RestoreAsync(FunctionSpec function, string folder, ContainerStart kind)
    {
        var events = new EventSwitch(this);
        ISandbox? sandbox = null;
        try
        {
            // A sandbox that was made ahead, if there is one.
            if (kind == ContainerStart.Snapshot && _image is null && KindOf(function) is { } like && await _services.Runners.TryTakeAsync(like with { IsEmpty = true }, _abort.Token) is { } made)
            {
                (sandbox, _image, events) = (made.Sandbox, made.Image, made.Events);
                events.GiveTo(this);
                made.AddCode(_spec!.CodePath);
                sandbox.SetCpu(_spec.CpuCores);
                await sandbox.RestoreAsync(folder, _abort.Token);
            }
            else
            {
                await AcquireImageAsync();
                sandbox = await _services.Factory.RestoreAsync(_spec!, folder, events, _abort.Token);
            }
        }
        catch (Exception e) when (e is SandboxStartException or OperationCanceledException)
        {
            if (sandbox is not null)
            {
                await sandbox.DisposeAsync();
            }

            _abort.Token.ThrowIfCancellationRequested();
            return e.Message;
        }

        lock (_gate)
        {
            _kind = kind;
            _sandbox = sandbox;
            _lastHeard = _services.Time.GetTimestamp();
        }

        sandbox.Send(new WorkerFrame { Resume = new RunnerResume { ContainerId = Id, Restored = true, OnlyRenew = kind == ContainerStart.RunnerSnapshot, AppId = _start.AppId, Environment = { Variables() } } });
        await Task.WhenAny(_answered.Task, sandbox.Exited, Task.Delay(s_answerLimit, _services.Time, _abort.Token));
        _abort.Token.ThrowIfCancellationRequested();
        if (_answered.Task.IsCompleted)
        {
            _ = sandbox.Exited.ContinueWith(static (_, started) => ((TaskCompletionSource)started!).TrySetResult(), _started, TaskScheduler.Default);
            return null;
        }

        events.GiveTo(null);
        lock (_gate)
        {
            _kind = ContainerStart.Lazy;
            _sandbox = null;
        }

        await _tunnels.DisposeAsync();
        _tunnels = NewTunnels();
        var ended = sandbox.Exited.IsCompleted;
        sandbox.Kill();
        var exit = await sandbox.Exited;
        return ended ? $"its process ended at once ({exit})." : $"its process did not answer within {s_answerLimit.TotalSeconds:0} s.";
    }

    private void Adopt(ISandbox sandbox, string phase)
    {
        lock (_gate)
        {
            _timeline.End(phase);
            _sandbox = sandbox;
            _lastHeard = _services.Time.GetTimestamp();
        }

        _ = sandbox.Exited.ContinueWith(
            _ =>
            {
                _answered.TrySetResult();
                _started.TrySetResult();
            },
            TaskScheduler.Default);
    }

    // What the platform says comes last: no secret can stand in for it.
    private Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>(_start.SecretVariables, StringComparer.Ordinal) { ["MODAL_CONTAINER_ID"] = Id, ["MODAL_FUNCTION_NAME"] = _start.Function.Name };
        if (_start.ClusterId.Length > 0)
        {
            variables["MODAL_CLUSTER_ID"] = _start.ClusterId;
            variables["MODAL_CLUSTER_RANK"] = _start.ClusterRank.ToString(CultureInfo.InvariantCulture);
            variables["MODAL_CLUSTER_SIZE"] = _start.ClusterSize.ToString(CultureInfo.InvariantCulture);
        }

        return variables;
    }

    // Until the code is loaded and all [Enter] methods have run; the time of a checkpoint in between does not count.
    private async Task WaitForStartAsync()
    {
        var begun = _services.Time.GetTimestamp();
        while (true)
        {
            var left = StartupTimeout + _paused - _services.Time.GetElapsedTime(begun);
            try
            {
                await _started.Task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _services.Time, _abort.Token);
                return;
            }
            catch (TimeoutException) when (_isCheckpointing || _services.Time.GetElapsedTime(begun) < StartupTimeout + _paused)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), _services.Time, _abort.Token);
            }
        }
    }

    private void OnHello()
    {
        if (_isReady || _answered.Task.IsCompleted)
        {
            _warm.TrySetResult();
            return;
        }

        _timeline.End(_kind == ContainerStart.Lazy ? "runtime" : "restore");
        _answered.TrySetResult();
    }

    private void OnSnapshotReady(RunnerSnapshotReady ready)
    {
        // Once, and only if it was asked for: what comes from the sandbox may be user code's.
        if (_snapshotFolder is null || _isCheckpointing || _isReady)
        {
            return;
        }

        _timeline.End("load", TimeSpan.FromMicroseconds(ready.LoadUs), "enter");
        _isCheckpointing = true;
        Track(TakeSnapshotAsync(_snapshotFolder));
    }

    private async Task TakeSnapshotAsync(string folder)
    {
        await Task.Yield();
        var begun = _services.Time.GetTimestamp();
        string? obstacle = null;
        try
        {
            await _sandbox!.CheckpointAsync(folder, _abort.Token);
        }
        catch (SandboxStartException e)
        {
            obstacle = e.Message;
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            _paused = _services.Time.GetElapsedTime(begun);
            _isCheckpointing = false;
            _timeline.End("checkpoint");
            _sandbox!.Send(new WorkerFrame { Resume = new RunnerResume { ContainerId = Id, AppId = _start.AppId, Environment = { Variables() } } });
        }

        if (obstacle is not null)
        {
            DropSnapshot(obstacle);
            return;
        }

        _snapshotFolder = null;
        _services.Snapshots.Publish(_snapshotKey!, _start.Function.Name, folder, MemoryMiB, async (path, token) =>
        {
            await SnapshotTrial.RunAsync(path, _spec!, _start.Function.ImageId, _services.Factory, _services.Images, _services.Time, token);
            _services.Holdings.Add(LocalKeys.Snapshot(_start.Function, _start.Code));
        });
    }

    private void DropSnapshot(string reason)
    {
        if (Interlocked.Exchange(ref _snapshotFolder, null) is { } folder)
        {
            _services.Snapshots.Abandon(_snapshotKey!, _start.Function.Name, folder, reason);
        }
    }
}
