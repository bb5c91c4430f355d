using Google.Protobuf;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Gpus;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Tunnels;
using Modal.Backend.Worker.Volumes;
using Modal.Protocol;

namespace Modal.Backend.Worker.Containers;

/// <summary>
/// One container from its request to its end: starts the sandbox, passes inputs in and outcomes out, keeps time, and says in the end what it died of. Its state
/// is guarded by one lock; sandbox events come on the event loop's thread, commands on the session's.
/// </summary>
#pragma warning disable CA1001 // A token source without a timer holds nothing to dispose of, and a late Stop may still cancel it.
internal sealed partial class Container : ISandboxEvents
#pragma warning restore CA1001
{
    /// <summary>Up to here a result travels inside its message; the number is part of the protocol.</summary>
    private const int MaxInlineBytes = 1024 * 1024;

    // What the protocol says that zero means.
    private const long DefaultTimeoutMs = 300_000;
    private const long DefaultMemoryMiB = 1024;
    private const double DefaultCpuCores = 0.125;

    // Exit hooks may take this long beyond the grace time of running inputs.
    private static readonly TimeSpan s_exitLimit = TimeSpan.FromSeconds(10);

    private readonly StartContainer _start;
    private readonly ContainerServices _services;
    private readonly IOutbox _outbox;
    private readonly OutputFlow _output;
    private readonly StderrTail _stderr = new();
    private readonly StartTimeline _timeline;
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, HeldInput> _held = [];
    private readonly Dictionary<ulong, List<(Attempt Attempt, HeldInput Held)>> _gathering = [];
    private readonly List<Task> _transfers = [];
    private ISandbox? _sandbox;
    private ContainerTunnels _tunnels;
    private ContainerImage? _image;
    private ContainerVolumes? _volumes;
    private GpuLease? _gpus;
    private ulong _lastId;
    private bool _isReady;
    private bool _isStopping;
    private bool _framesHeld;
    private long _killAt;
    private long _lastHeard;
    private Failure? _failure;
    private bool _blamed;
    private int? _announcedExitCode;

    public Container(StartContainer start, ContainerServices services, IOutbox outbox)
    {
        (_start, _services, _outbox) = (start, services, outbox);
        _output = new OutputFlow(start.ContainerId, outbox, services.Time);
        _timeline = new StartTimeline(services.Time);
        _tunnels = NewTunnels();
        Ended = Task.Run(RunAsync);
    }

    public string Id => _start.ContainerId;

    /// <summary>Ends when the container is gone and the server has been told.</summary>
    public Task Ended { get; }

    /// <summary>It is not ready yet, and nothing keeps it from becoming so.</summary>
    public bool IsStarting => !_started.Task.IsCompleted && !_abort.IsCancellationRequested && !Ended.IsCompleted;

    private TimeSpan Timeout => TimeSpan.FromMilliseconds(_start.Function.TimeoutMs > 0 ? _start.Function.TimeoutMs : DefaultTimeoutMs);

    private TimeSpan StartupTimeout => _start.Function.StartupTimeoutMs > 0 ? TimeSpan.FromMilliseconds(_start.Function.StartupTimeoutMs) : Timeout;

    // The limit: what is requested beside it is a matter of placement.
    private long MemoryMiB => _start.Function.Resources is { } r ? r.MemoryLimitMib > 0 ? r.MemoryLimitMib : r.MemoryMib > 0 ? r.MemoryMib : DefaultMemoryMiB : DefaultMemoryMiB;

    /// <summary>Ends the container: at once if it has not begun or has no grace.</summary>
    public void Stop(TimeSpan grace, string reason)
    {
        Log.ContainerStopping(_services.Logger, Id, reason);
        lock (_gate)
        {
            _isStopping = true;
            if (_sandbox is null || !_isReady || grace <= TimeSpan.Zero)
            {
                _abort.Cancel();
                _sandbox?.Kill();
                return;
            }

            _killAt = _services.Time.GetTimestamp() + Ticks(grace + s_exitLimit);
            _sandbox.Send(new WorkerFrame { Stop = new RunnerStop { GraceMs = (long)grace.TotalMilliseconds } });
        }
    }

    private async Task RunAsync()
    {
        SandboxExit? exit = null;
        try
        {
            await _services.StartSlots.WaitAsync(_abort.Token);
            try
            {
                await StartAsync();

                // What follows may wait for a long [Enter] of the user's, and others shall not wait with it.
                await _answered.Task.WaitAsync(StartupTimeout, _services.Time, _abort.Token);
            }
            finally
            {
                _services.StartSlots.Release();
            }

            await WaitForStartAsync();

            exit = await _sandbox!.Exited;
        }
#pragma warning disable CA1031 // The edge of a container: whatever keeps it from starting becomes its failure.
        catch (Exception e)
        {
            lock (_gate)
            {
                _failure ??= StartFailure(e);
            }

            if (e is not (OperationCanceledException or TimeoutException or SandboxStartException or InvalidDataException or IOException or BuildSandboxException))
            {
                Log.ContainerDefect(_services.Logger, Id, e);
            }

            if (_sandbox is not null)
            {
                _sandbox.Kill();
                exit = await _sandbox.Exited;
            }
        }
#pragma warning restore CA1031
        await FinishAsync(exit);
    }

    // The container before may still be ending, or a build's step may have them.
    private async Task<GpuLease> HoldGpusAsync()
    {
        using var limit = new CancellationTokenSource(StartupTimeout, _services.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _abort.Token);
        try
        {
            return await _services.Gpus.HoldAsync(_start.Gpus, either.Token);
        }
        catch (OperationCanceledException e) when (!_abort.IsCancellationRequested)
        {
            throw new SandboxStartException($"its GPUs were in use for {StartupTimeout.TotalSeconds:0.###} s, by another container or a build.", e);
        }
    }

    private ContainerTunnels NewTunnels() => new(
        Id, _start.Function.RestrictModalAccess ? null : _services.ConnectToServer, frame => _sandbox?.Send(frame), _services.Time, _services.Logger);

    private Failure StartFailure(Exception e) => new()
    {
        Kind = FailureKind.Startup,
        ContainerId = Id,
        Message = e switch
        {
            TimeoutException => $"The container of '{_start.Function.Name}' was not ready within {StartupTimeout.TotalSeconds:0.###} s. Raise StartupTimeoutSeconds, or make [Enter] and loading faster.",
            OperationCanceledException => $"The container of '{_start.Function.Name}' was stopped before it was ready.",
            _ => $"The container of '{_start.Function.Name}' could not start: {e.Message}",
        },
    };

    private async Task FinishAsync(SandboxExit? exit)
    {
        Task[] transfers;
        lock (_gate)
        {
            transfers = [.. _transfers];
        }

        await _tunnels.DisposeAsync();
        await Task.WhenAll(transfers);
        DropSnapshot("the container ended before it could be taken");
        if (_volumes is not null)
        {
            // Whatever the container died of: what it wrote is kept.
            await _volumes.EndAsync();
        }

        if (_image is not null)
        {
            await _image.DisposeAsync();
        }

        _gpus?.Dispose();
        lock (_gate)
        {
            var (reason, failure) = Explain(exit);
            if (failure is not null)
            {
                failure.ContainerId = Id;
            }

            Log.ContainerEnded(_services.Logger, Id, reason, failure?.Message ?? "");
            var message = new ContainerExited { ContainerId = Id, Reason = reason, Failure = failure };
            message.Phases.AddRange(_timeline.Phases);
            _outbox.Post(new WorkerMessage { Exited = message });
        }
    }

    private (ExitReason Reason, Failure? Failure) Explain(SandboxExit? exit)
    {
        if (_isStopping)
        {
            return (ExitReason.Stopped, null);
        }

        if (!_isReady)
        {
            return (ExitReason.StartupFailed, _failure ?? DiedWhileStarting(exit));
        }

        if (_blamed)
        {
            return (ExitReason.UserCode, _failure);
        }

        var failure = _failure ?? Death.Explain(new Death.Evidence(exit ?? new SandboxExit(null, 0, false, false), _announcedExitCode, _stderr, MemoryMiB));
        return failure.Kind == FailureKind.Lost ? (ExitReason.Lost, failure) : (Blame(failure), failure);
    }

    private Failure DiedWhileStarting(SandboxExit? exit)
    {
        var death = Death.Explain(new Death.Evidence(exit ?? new SandboxExit(null, 0, false, false), _announcedExitCode, _stderr, MemoryMiB));
        death.Kind = FailureKind.Startup;
        death.Message = $"The container of '{_start.Function.Name}' died before it was ready. {death.Message}{(death.StderrTail.Length > 0 ? $" It printed: {death.StderrTail}" : "")}";
        return death;
    }

    // An input that began is to blame if it is known to be the one that ran: the only one held, or the process announced its end after sending all it had, or
    // it ran so long that the runner has sent everything that came before.
    private ExitReason Blame(Failure failure)
    {
        failure.ContainerId = Id;
        var begun = _held.Values.Where(h => h.Began != 0).ToList();
        var guilty = begun.Count == 1 ? begun[0] : begun.Count == 0 && _held.Count == 1 ? _held.Values.First() : null;
        if (guilty is not null && _held.Count > 1 && _announcedExitCode is null && _services.Time.GetElapsedTime(guilty.Began) < s_surelySent)
        {
            guilty = null;
        }

        if (guilty is null)
        {
            return _held.Count == 0 ? ExitReason.UserCode : ExitReason.Ambiguous;
        }

        Report(guilty, new AttemptResult { Failure = failure, RunUs = RunTime(guilty) });
        return ExitReason.UserCode;
    }

    private long RunTime(HeldInput input) => input.Began == 0 ? 0 : (long)_services.Time.GetElapsedTime(input.Began).TotalMicroseconds;

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _services.Time.TimestampFrequency);

    private async Task<ByteString> FetchAsync(Payload payload)
    {
        using var buffer = new MemoryStream();
        await _services.Blobs.ReadAsync(payload.BlobDigest, buffer, _abort.Token);
        return UnsafeByteOperations.UnsafeWrap(buffer.GetBuffer().AsMemory(0, (int)buffer.Length));
    }
}
