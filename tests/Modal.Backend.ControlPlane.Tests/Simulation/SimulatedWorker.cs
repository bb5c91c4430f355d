using Modal.Backend.ControlPlane.Placing;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>A machine that runs what it is told, dies, is cut off, drains and comes back.</summary>
internal sealed class SimulatedWorker
{
    private readonly World _world;
    private readonly RegisterWorker _register;
    private readonly Dictionary<string, SimulatedContainer> _containers = new(StringComparer.Ordinal);
    private readonly List<SimulatedSession> _sessions = [];
    private bool _isDraining;

    public SimulatedWorker(World world, RegisterWorker register)
    {
        (_world, _register) = (world, register);
        Beat();
    }

    public string Id => _register.WorkerId;

    public IReadOnlyList<SimulatedSession> Sessions => _sessions;

    /// <summary>What it runs now, whether or not the server knows.</summary>
    public IReadOnlyCollection<SimulatedContainer> Containers => _containers.Values;

    /// <summary>The connection as the worker sees it; null while it has none.</summary>
    public SimulatedSession? Session { get; private set; }

    public void Connect()
    {
        if (Session is null)
        {
            _isDraining = false;
            Session = new SimulatedSession(_world, this, $"{Id}/{_sessions.Count}");
            _sessions.Add(Session);
            _world.Log($"{Session.Id} connects");
            _ = Session.ServeAsync(_register);
            Post(new WorkerMessage { Heartbeat = new WorkerHeartbeat() });
        }
    }

    /// <summary>It and its containers are gone at once.</summary>
    public void Crash(long backAfterMs)
    {
        _world.Log($"{Id} crashes");
        Session?.Break();
        Disconnect(backAfterMs);
    }

    /// <summary>Nothing comes through, in either direction; its containers go on. If the server has given it up meanwhile, it ends them when it hears of that.</summary>
    public void CutOff(long durationMs)
    {
        if (Session is not { } session)
        {
            return;
        }

        _world.Log($"{session.Id} is cut off for {durationMs} ms");
        (session.ToServer.IsCut, session.ToWorker.IsCut) = (true, true);
        _world.Time.After(durationMs, () =>
        {
            (session.ToServer.IsCut, session.ToWorker.IsCut) = (false, false);
            if (session == Session && session.IsLost)
            {
                Disconnect(_world.Random.Next(1, 2_000));
            }
        });
    }

    public void Drain(long graceMs, long backAfterMs)
    {
        if (Session is not { } session || _isDraining)
        {
            return;
        }

        _world.Log($"{session.Id} drains for {graceMs} ms");
        _isDraining = true;
        Post(new WorkerMessage { Draining = new WorkerDraining { Reason = "it was asked to stop" } });
        LeaveWhenEmpty(session, _world.Time.NowMs + graceMs, backAfterMs);
    }

    public void OnMessage(SimulatedSession session, ServerMessage message)
    {
        if (session != Session)
        {
            return;
        }

        if (message.Start is { } start)
        {
            _world.Log($"{Id} starts {_world.Name(start.ContainerId)} of {start.Function.Name}");
            var container = new SimulatedContainer(_world, this, start);
            _world.Require(_containers.TryAdd(start.ContainerId, container), $"{_world.Name(start.ContainerId)} was started twice.");
            CheckRoom();
            container.Begin();
        }
        else if (message.Stop is { } stop && _containers.TryGetValue(stop.ContainerId, out var stopped))
        {
            stopped.Stop(stop.GraceMs, stop.Reason);
        }
        else if (message.Dispatch is { } dispatch && _containers.TryGetValue(dispatch.ContainerId, out var target))
        {
            target.Dispatch(dispatch.Attempts);
        }
        else if (message.Cancel is { } cancel && _containers.TryGetValue(cancel.ContainerId, out var cancelled))
        {
            cancelled.Cancel(cancel.Inputs);
        }
    }

    /// <summary>The server has given the session up; unless the worker is cut off it hears of that.</summary>
    public void OnEnded(SimulatedSession session) => _world.Time.After(_world.Latency(), () =>
    {
        if (session == Session && !session.ToServer.IsCut)
        {
            Disconnect(_world.Random.Next(1, 2_000));
        }
    });

    public void Post(WorkerMessage message) => Session?.ToServer.Send(message);

    public void Remove(SimulatedContainer container) => _containers.Remove(container.Id);

    private void Disconnect(long backAfterMs)
    {
        Session = null;
        foreach (var container in _containers.Values.ToArray())
        {
            container.Vanish();
        }

        _containers.Clear();
        _world.Time.After(backAfterMs, Connect);
    }

    private void LeaveWhenEmpty(SimulatedSession session, long limitMs, long backAfterMs)
    {
        if (session != Session)
        {
            return;
        }

        if (_containers.Count > 0 && _world.Time.NowMs < limitMs)
        {
            _world.Time.After(100, () => LeaveWhenEmpty(session, limitMs, backAfterMs));
            return;
        }

        _world.Log($"{session.Id} leaves with {_containers.Count} containers");
        session.ToServer.Send(null);
        Disconnect(backAfterMs);
    }

    private void Beat()
    {
        if (Session is not null)
        {
            Post(new WorkerMessage { Heartbeat = new WorkerHeartbeat { Starting = _containers.Values.Count(c => !c.IsReady) } });
        }

        _world.Time.After(2_000, Beat);
    }

    private void CheckRoom()
    {
        var (milliCores, memory) = (0.0, 0L);
        var gpus = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in _containers.Values)
        {
            var function = container.Start.Function;
            milliCores += WorkerCapacity.MilliCoresOf(function.Resources.CpuCores);
            memory += function.Resources.MemoryMib;
            foreach (var gpu in container.Start.Gpus)
            {
                _world.Require(_register.Gpus.Any(g => g.Uuid == gpu), $"{_world.Name(container.Id)} was given {gpu}, which {Id} does not have.");
                _world.Require(gpus.Add(gpu), $"{gpu} was given to two containers at once.");
            }

            var wanted = function.Resources.Gpu.Contains(":2", StringComparison.Ordinal) ? 2 : function.Resources.Gpu.Length > 0 ? 1 : 0;
            _world.Require(container.Start.Gpus.Count == wanted, $"{_world.Name(container.Id)} was given {container.Start.Gpus.Count} GPUs and asked for '{function.Resources.Gpu}'.");
        }

        _world.Require(
            milliCores <= WorkerCapacity.MilliCoresOf(_register.CpuCores) && memory <= _register.MemoryMib, $"{Id} is over-committed: {milliCores} of {_register.CpuCores * 1000} thousandths of cores, {memory} of {_register.MemoryMib} MiB.");
    }
}
