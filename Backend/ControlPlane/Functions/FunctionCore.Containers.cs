using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Functions;

/// <content>Containers: how many there are, how they start and end.</content>
internal sealed partial class FunctionCore
{
    // One failed start may be an accident of the machine; three in a row are not.
    private const int MaxStartFailures = 3;
    private const long FirstBackoffMs = 250;
    private const long MaxBackoffMs = 30_000;

    // While somebody waits.
    private const long MaxBackoffWaitedForMs = 1_000;

    // For [Exit] methods: the container is idle, so nothing else is waited for.
    private static readonly TimeSpan s_idleGrace = TimeSpan.FromSeconds(10);

    // Leaving a program must stop its containers within a second, running code or not.
    private static readonly TimeSpan s_busyGrace = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, ContainerState> _containers = new(StringComparer.Ordinal);

    // In the order in which they became ready.
    private readonly List<ContainerState> _ready = [];

    // In the order in which they fell idle.
    private readonly LinkedList<ContainerState> _idle = new();
    private int _stopping;
    private int _startFailures;
    private long _lastStartFailureMs;

    /// <summary>All there are, members of clusters one by one.</summary>
    public IReadOnlyCollection<ContainerState> Containers => _settings.IsClustered ? _members.Values : _containers.Values;

    public int ReadyContainers => _ready.Count * _settings.ContainersPerUnit;

    /// <summary>Asked for or starting.</summary>
    public int StartingContainers => Starting * _settings.ContainersPerUnit;

    public double ServiceTimeUs => _service.AverageUs;

    // Containers by themselves, or clusters.
    private int Starting => _containers.Count - _ready.Count - _stopping;

    public ContainerState? FindContainer(string containerId) => _settings.IsClustered ? FindMember(containerId) : _containers.GetValueOrDefault(containerId);

    /// <summary>A worker was found.</summary>
    /// <returns>The container to start there; null if it is not wanted any more.</returns>
    public ContainerState? OnPlaced(string containerId, string workerSession, long now)
    {
        if (_settings.IsClustered)
        {
            return OnMemberPlaced(containerId, workerSession, now);
        }

        if (!_containers.TryGetValue(containerId, out var container) || container.Phase != ContainerPhase.Queued)
        {
            return null;
        }

        container.Phase = ContainerPhase.Starting;
        container.WorkerSession = workerSession;
        container.PlacedMs = now;
        return container;
    }

    public void OnReady(string containerId, IReadOnlyList<StartPhase> phases, long now)
    {
        if (_containers.TryGetValue(containerId, out var container) && container.Phase == ContainerPhase.Starting)
        {
            container.Phase = ContainerPhase.Ready;
            container.StartPhases = phases;
            container.Credit = _settings.Concurrency;
            container.IdleSinceMs = now;
            _scaler.OnStarted(now - container.PlacedMs);
            _ready.Add(container);
            _idle.AddLast(container.IdleNode);
            _startFailures = 0;
        }
        else if (FindMember(containerId) is { } member)
        {
            OnMemberReady(member, phases, now);
        }

        End(now);
    }

    /// <summary>The container is gone. What it held goes back to the front of the queue; what it did is judged by the reason.</summary>
    public void OnExited(string containerId, ExitReason reason, Failure? failure, long now)
    {
        if (_containers.TryGetValue(containerId, out var container))
        {
            Remove(container);
            Requeue(container, reason, failure, now);
            if (container.Phase == ContainerPhase.Starting && reason != ExitReason.Stopped)
            {
                OnStartFailed(failure, now);
            }
        }
        else if (FindMember(containerId) is { } member)
        {
            OnMemberExited(member, reason, failure, now);
        }

        End(now);
    }

    /// <summary>All of the worker's containers are lost.</summary>
    public void OnWorkerLost(string workerSession, long now)
    {
        foreach (var container in _containers.Values.Where(c => c.WorkerSession == workerSession).ToArray())
        {
            Remove(container);
            Requeue(container, ExitReason.Lost, null, now);
        }

        LoseMembers(workerSession, now);
        End(now);
    }

    /// <summary>No worker can ever run this function: whoever waits is told.</summary>
    public void OnNoCapacity(string containerId, Failure failure, long now)
    {
        if (_containers.TryGetValue(WholeOf(containerId), out var container) && container.Phase == ContainerPhase.Queued)
        {
            _containers.Remove(container.Id);
            ForgetMembers(container);
            _startFailures++;
            _lastStartFailureMs = now;
            FailWaiting(failure, now);
        }
    }

    /// <summary>The app is over: all inputs are dropped, all containers stopped. Nothing is started after this.</summary>
    public void Stop(string reason, long now)
    {
        IsStopping = true;
        foreach (var stream in _streams.Keys.ToArray())
        {
            CloseStream(stream, now);
        }

        foreach (var container in _containers.Values.ToArray())
        {
            StopOne(container, container.Inputs.Count > 0 || container.Phase == ContainerPhase.Starting ? s_busyGrace : s_idleGrace, reason);
        }
    }

    private void StopOne(ContainerState container, TimeSpan grace, string reason)
    {
        switch (container.Phase)
        {
            case ContainerPhase.Queued:
                _containers.Remove(container.Id);
                _actions.WithdrawRequest(container);
                return;
            case ContainerPhase.Stopping when container.IsLeaving:
                container.IsLeaving = false;
                _actions.StopContainer(container, grace, reason);
                return;
            case ContainerPhase.Stopping:
                return;
            case ContainerPhase.Ready:
                LeaveReady(container);
                break;
        }

        container.Phase = ContainerPhase.Stopping;
        _stopping++;
        _actions.StopContainer(container, grace, reason);
    }

    private void Remove(ContainerState container)
    {
        _containers.Remove(container.Id);
        if (container.Phase == ContainerPhase.Ready)
        {
            LeaveReady(container);
        }

        _stopping -= container.Phase == ContainerPhase.Stopping ? 1 : 0;
        _actions.Released(container);
    }

    private void LeaveReady(ContainerState container)
    {
        _ready.Remove(container);
        _outdated -= container.IsOutdated ? 1 : 0;
        if (container.IdleNode.List is not null)
        {
            _idle.Remove(container.IdleNode);
        }
    }

    private void Requeue(ContainerState container, ExitReason reason, Failure? failure, long now)
    {
        container.Outgoing = null;
        var phase = container.Phase;
        // TakeFrom must not put a container that is gone among the idle.
        container.Phase = ContainerPhase.Stopping;
        var alone = container.Inputs.Count == 1;
        while (container.Inputs.Last is { } input)
        {
            TakeFrom(container, input, 0);
            if (input.Phase != InputPhase.Running)
            {
                continue;
            }

            _running--;
            if (reason is ExitReason.Lost or ExitReason.Unspecified)
            {
                RequeueLost(input, failure);
            }
            else if (reason == ExitReason.Ambiguous && alone && failure is not null)
            {
                // There is nobody else whom it could be.
                FailOrRetry(input, failure, now);
            }
            else
            {
                input.IsSuspect |= reason == ExitReason.Ambiguous;
                Enqueue(input, atFront: true);
            }
        }

        container.Phase = phase;
    }

    private void FailOrRetry(InputState input, Failure failure, long now)
    {
        if (!TryRetry(input, failure, now))
        {
            Complete(input, new CallResult { Failure = failure });
        }
    }

    // Only for inputs that are out of every queue.
    private bool TryRetry(InputState input, Failure failure, long now)
    {
        if (!IsRetried(failure.Kind) || input.RetriesUsed >= _settings.Retries)
        {
            return false;
        }

        input.RetriesUsed++;
        input.Phase = InputPhase.Delayed;
        _delayed.Enqueue(input, now + _settings.RetryDelayMs(input.RetriesUsed));
        _delayedCount++;
        return true;
    }

    // An exception comes from the user's code (a bad assembly, a constructor, [Enter]): it would come again, so whoever waits hears it at once. Any
    // other failure is tried three times in a row. As long as another container serves, nobody is failed and starts are only slowed down.
    private void OnStartFailed(Failure? failure, long now)
    {
        _startFailures++;
        _lastStartFailureMs = now;
        if (_ready.Count == 0 && (failure?.Exception is not null || _startFailures % MaxStartFailures == 0))
        {
            FailWaiting(failure ?? new Failure { Kind = FailureKind.Startup, Message = "The container could not start." }, now);
        }
    }

    private long StartsBlockedUntil()
    {
        if (_startFailures == 0)
        {
            return long.MinValue;
        }

        var limit = Queued > 0 ? MaxBackoffWaitedForMs : MaxBackoffMs;
        return _lastStartFailureMs + Math.Min(FirstBackoffMs << Math.Min(_startFailures - 1, 16), limit);
    }
}
