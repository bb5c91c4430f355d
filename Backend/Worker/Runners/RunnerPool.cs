using Microsoft.Extensions.Logging;
using Modal.Backend.Images.Building;
using Modal.Backend.Worker.Images;
using Modal.Backend.Worker.Sandboxes;
using Modal.Backend.Worker.Snapshots;
using Modal.Protocol;

namespace Modal.Backend.Worker.Runners;

/// <summary>
/// Runners that were started before anybody needs them. As many of a kind are kept as were taken of it at once of late, and one of the commonest kind, as far as memory is free; they are started one at
/// a time while no container is starting. Safe from many threads.
/// </summary>
/// <param name="factory">Starts sandboxes.</param>
/// <param name="images">Mounts their images.</param>
/// <param name="snapshots">Keeps a snapshot of one runner of each kind, from which further ones start quicker.</param>
/// <param name="folder">One folder per sandbox: where the factory keeps its own.</param>
/// <param name="maxRunners">How many wait at most; zero for none.</param>
/// <param name="time">Says what is recent.</param>
/// <param name="logger">Told of runners that do not start.</param>
internal sealed class RunnerPool(ISandboxFactory factory, ContainerImages images, SnapshotService snapshots, string folder, int maxRunners, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    // A kind that nobody asked for in this time is given up: what it costs is memory.
    private static readonly TimeSpan s_recent = TimeSpan.FromMinutes(10);

    // Requests within this time came at once: a runner takes about as long to start.
    private static readonly TimeSpan s_atOnce = TimeSpan.FromSeconds(1);

    // After a failure, such as an image that cannot be mounted.
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_memoryAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    // What waits may take half of the memory that is free, and counts 128 MiB each: measured at 60 to 90.
    private const long RunnerBytes = 128L * 1024 * 1024;

    // What a function without settings asks for.
    private static readonly RunnerKind s_common = new("", NeedsAspNetCore: false, 1024);

    private readonly Lock _gate = new();
    private readonly List<WaitingRunner> _waiting = [];
    private readonly Dictionary<RunnerKind, Queue<long>> _taken = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _starting = Task.CompletedTask;
    private RunnerKind? _startingKind;
    private TaskCompletionSource<WaitingRunner?>? _reserved;
    private long _pausedUntil;
    private long _availableBytes;
    private long? _availableAt;

    /// <summary>How many were taken so far.</summary>
    public int Given { get; private set; }

    /// <summary>How many wait now.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Takes a runner, and notes that one was wanted. One that is just being started is waited for: it is ahead of any other.</summary>
    /// <param name="kind">What it has to be.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Null if there is none of this kind.</returns>
    public async Task<WaitingRunner?> TryTakeAsync(RunnerKind kind, CancellationToken cancellationToken)
    {
        TaskCompletionSource<WaitingRunner?> reserved;
        lock (_gate)
        {
            if (!_taken.TryGetValue(kind, out var taken))
            {
                _taken.Add(kind, taken = new Queue<long>());
            }

            taken.Enqueue(time.GetTimestamp());
            var runner = _waiting.Find(r => r.Kind == kind && r.IsAlive);
            if (runner is not null)
            {
                _waiting.Remove(runner);
                runner.Sandbox.Pause(false);
                Given++;
                return runner;
            }

            if (_startingKind != kind || _reserved is not null)
            {
                return null;
            }

            reserved = _reserved = new TaskCompletionSource<WaitingRunner?>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        try
        {
            return await reserved.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            if (!reserved.TrySetCanceled(cancellationToken) && await reserved.Task is { } late)
            {
                await late.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>Time passed: starts one runner if one is wanted, ends those that are not.</summary>
    /// <param name="isBusy">Containers are starting: theirs is the processor.</param>
    public void Tick(bool isBusy)
    {
        lock (_gate)
        {
            if (_stop.IsCancellationRequested || !_starting.IsCompleted)
            {
                return;
            }

            var wanted = Wanted();
            if (_waiting.Find(r => !r.IsAlive || _waiting.Count(o => o.Kind == r.Kind) > wanted.GetValueOrDefault(r.Kind)) is { } spare)
            {
                _waiting.Remove(spare);
                _starting = Task.Run(async () => await spare.DisposeAsync());
            }
            else if (!isBusy && time.GetTimestamp() >= _pausedUntil)
            {
                foreach (var (kind, count) in wanted.OrderByDescending(static w => w.Value))
                {
                    // One that is restored is quicker, and its memory is like that of others.
                    if (_waiting.Count(r => r.Kind == kind) < count && (kind.IsEmpty || factory.SnapshotPlatform is null || !snapshots.IsComing(KeyOf(kind))))
                    {
                        _startingKind = kind;
                        _starting = Task.Run(() => StartAsync(kind));
                        return;
                    }
                }

                // One that nobody waits for, to take a snapshot of it.
                if (maxRunners == 0 && _taken.Keys.FirstOrDefault(k => !k.IsEmpty && RunnerSnapshot.IsWanted(k, factory, snapshots)) is { } unknown)
                {
                    _startingKind = unknown;
                    _starting = Task.Run(() => StartAsync(unknown));
                }
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task starting;
        lock (_gate)
        {
            starting = _starting;
        }

        await starting;
        foreach (var runner in _waiting)
        {
            await runner.DisposeAsync();
        }

        _waiting.Clear();
        _stop.Dispose();
    }

    // Under the lock. By kind, what demand and memory allow.
    private Dictionary<RunnerKind, int> Wanted()
    {
        var room = Math.Min(maxRunners, (int)Math.Min(int.MaxValue, ((AvailableBytes() / 2) + (_waiting.Count * RunnerBytes)) / RunnerBytes));
        var wanted = new Dictionary<RunnerKind, int>();
        foreach (var (kind, taken) in _taken.ToArray())
        {
            while (taken.TryPeek(out var oldest) && time.GetElapsedTime(oldest) > s_recent)
            {
                taken.Dequeue();
            }

            if (taken.Count == 0)
            {
                _taken.Remove(kind);
            }
            else
            {
                wanted[kind] = AtOnce(taken);
            }
        }

        wanted.TryAdd(s_common, 1);

        // The rarest give way first.
        foreach (var kind in wanted.OrderBy(w => _taken.TryGetValue(w.Key, out var taken) ? taken.Count : 0).Select(static w => w.Key).ToArray())
        {
            var excess = wanted.Values.Sum() - room;
            if (excess > 0)
            {
                wanted[kind] = Math.Max(0, wanted[kind] - excess);
            }
        }

        return wanted;
    }

    // Ten times a second would be more than it changes.
    private long AvailableBytes()
    {
        if (_availableAt is not { } at || time.GetElapsedTime(at) > s_memoryAge)
        {
            (_availableBytes, _availableAt) = (MachineMemory.AvailableBytes(), time.GetTimestamp());
        }

        return _availableBytes;
    }

    private int AtOnce(Queue<long> taken)
    {
        var window = new Queue<long>();
        var most = 0;
        foreach (var at in taken)
        {
            while (window.TryPeek(out var first) && time.GetElapsedTime(first, at) > s_atOnce)
            {
                window.Dequeue();
            }

            window.Enqueue(at);
            most = Math.Max(most, window.Count);
        }

        return most;
    }

    private async Task StartAsync(RunnerKind kind)
    {
        var id = Id.New(Id.Container);
        var code = Path.Combine(folder, id, "code");
        ContainerImage? image = null;
        ISandbox? sandbox = null;
        try
        {
            Directory.CreateDirectory(code);
            image = kind.ImageId.Length > 0 ? await images.AcquireAsync(kind.ImageId, id, function: null, _stop.Token) : null;
            using var greeting = new Greeting();
            var events = new EventSwitch(greeting);
            var spec = new SandboxSpec(id, code, 1, kind.MemoryMiB, kind.NeedsAspNetCore, image?.Sandbox);
            sandbox = kind.IsEmpty ? await factory.CreateAsync(spec, events, _stop.Token) : await RestoreAsync(spec, kind, events, greeting);
            if (sandbox is null)
            {
                sandbox = await factory.StartAsync(spec, events, _stop.Token);
                await HearAsync(greeting, sandbox);
                if (RunnerSnapshot.IsWanted(kind, factory, snapshots))
                {
                    sandbox.Send(new WorkerFrame { WarmUp = new RunnerWarmUp { ForSnapshot = true } });
                    await HearAsync(greeting, sandbox);
                }

                if (RunnerSnapshot.TryBegin(kind, factory, snapshots) is { } place)
                {
                    await RunnerSnapshot.TakeAsync(place, sandbox, spec, kind, factory, images, snapshots, Path.Combine(folder, $"trial-{id}"), time, _stop.Token);
                }
            }

            if (!kind.IsEmpty)
            {
                // What a snapshot gave back of its memory is touched again now and not when the code comes.
                sandbox.Send(new WorkerFrame { WarmUp = new RunnerWarmUp() });
                await HearAsync(greeting, sandbox);
            }

            Offer(new WaitingRunner(kind, sandbox, events, code, image));
            (sandbox, image) = (null, null);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The worker stops.
        }
        catch (Exception e) when (e is SandboxStartException or TimeoutException or IOException or BuildSandboxException or InvalidDataException)
        {
            Log.RunnerNotStarted(logger, kind.ImageId, e.Message);
            lock (_gate)
            {
                _pausedUntil = time.GetTimestamp() + (long)(s_pause.TotalSeconds * time.TimestampFrequency);
            }
        }
        finally
        {
            Offer(null);
            if (sandbox is not null)
            {
                await sandbox.DisposeAsync();
            }

            if (image is not null)
            {
                await image.DisposeAsync();
            }
        }
    }

    private SnapshotKey KeyOf(RunnerKind kind) => SnapshotKey.Of(factory.SnapshotPlatform!, kind);

    // Null if there is no snapshot.
    private async Task<ISandbox?> RestoreAsync(SandboxSpec spec, RunnerKind kind, EventSwitch events, Greeting greeting)
    {
        using var snapshot = factory.SnapshotPlatform is null ? null : await snapshots.FindLocalAsync(KeyOf(kind));
        if (snapshot is null)
        {
            return null;
        }

        ISandbox? sandbox = null;
        try
        {
            sandbox = await factory.RestoreAsync(spec, snapshot.Folder, events, _stop.Token);
            sandbox.Send(new WorkerFrame { Resume = new RunnerResume { ContainerId = spec.Id, Restored = true, OnlyRenew = true } });
            await HearAsync(greeting, sandbox);
            return sandbox;
        }
        catch (Exception e) when (e is SandboxStartException or TimeoutException)
        {
            if (sandbox is not null)
            {
                await sandbox.DisposeAsync();
            }

            await snapshots.RejectAsync(KeyOf(kind), RunnerSnapshot.Function, e.Message);
            throw;
        }
    }

    private async Task HearAsync(Greeting greeting, ISandbox sandbox)
    {
        if (!await greeting.HearAsync(sandbox, s_startLimit, time, _stop.Token))
        {
            throw new SandboxStartException($"The runner ended: {await sandbox.Exited}");
        }
    }

    // To whom it was promised, or to those who come.
    private void Offer(WaitingRunner? runner)
    {
        lock (_gate)
        {
            var isTaken = _reserved?.TrySetResult(runner) == true;
            Given += isTaken && runner is not null ? 1 : 0;
            (_reserved, _startingKind) = (null, null);
            if (runner is not null && !isTaken)
            {
                runner.Sandbox.Pause(true);
                _waiting.Add(runner);
            }
        }
    }
}
