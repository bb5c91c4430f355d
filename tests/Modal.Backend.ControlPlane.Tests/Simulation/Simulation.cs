using System.Globalization;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>One seed from beginning to end: inputs arrive while things go wrong; then all is calm and everything must end; then the functions are stopped and nothing may be left.</summary>
internal sealed class Simulation : IDisposable
{
    private const long CalmLimitMs = 15 * 60_000;
    private const int CheckEvery = 25;

    private readonly int _seed;
    private readonly World _world;
    private readonly List<SimulatedWorker> _workers = [];
    private readonly List<SimulatedClient> _clients = [];

    public Simulation(int seed)
    {
        _seed = seed;
        _world = new World(seed, Scenario.Of(seed));
    }

    public ulong Trace => _world.Trace;

    public long Events => _world.Time.Events;

    /// <returns>What was found to be wrong, with all that is needed to look into it; null if nothing was.</returns>
    public string? Run()
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_world.Time.Context);
        try
        {
            Begin();
            Until(_world.Scenario.ChaosMs, () => false);
            Calm();
            Stop();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }

        return _world.Fault is { } fault
            ? $"Seed {_seed}: {fault}\nReplay it with {Seeds.OneVariable}={_seed}.\n{_world.Scenario}\nThe last events:\n{string.Join('\n', _world.LastEvents)}"
            : null;
    }

    public void Dispose() => _world.Dispose();

    private void Begin()
    {
        foreach (var function in _world.Scenario.Functions)
        {
            _ = _world.Functions[function.Spec.FunctionId].ConfigureAsync(function);
        }

        foreach (var register in _world.Scenario.Workers)
        {
            var worker = new SimulatedWorker(_world, register);
            _workers.Add(worker);
            _world.Time.After(_world.Random.Next(0, 2_000), worker.Connect);
        }

        foreach (var function in _world.Scenario.Functions)
        {
            for (var i = _world.Random.Next(1, 3); i > 0; i--)
            {
                var client = new SimulatedClient(_world, function, string.Create(CultureInfo.InvariantCulture, $"fc-{_clients.Count}"));
                _clients.Add(client);
                _world.Time.After(_world.Random.Next(70, 1_000), client.Connect);
                PlanArrivals(client);
            }
        }

        PlanChaos();
    }

    // Maps, bursts of calls, or calls at about equal distances.
    private void PlanArrivals(SimulatedClient client)
    {
        var random = _world.Random;
        var end = (int)_world.Scenario.ChaosMs;
        switch (random.Next(3))
        {
            case 0:
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    var inputs = random.Next(1, 30);
                    _world.Time.After(random.Next(1_000, end), () => client.Call(inputs));
                }

                break;
            case 1:
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    var at = random.Next(1_000, end);
                    for (var j = random.Next(1, 15); j > 0; j--)
                    {
                        _world.Time.After(at + random.Next(0, 50), () => client.Call(1));
                    }
                }

                break;
            default:
                var distance = random.Next(200, 2_000);
                for (var at = 1_000; at < end; at += random.Next(1, 2 * distance))
                {
                    _world.Time.After(at, () => client.Call(1));
                }

                break;
        }
    }

    private void PlanChaos()
    {
        var random = _world.Random;
        for (var at = 1_500L; at < _world.Scenario.ChaosMs; at += random.Next(200, 4_000))
        {
            _world.Time.After(at, () =>
            {
                if (_world.Chance(1))
                {
                    GoWrong(_workers[random.Next(_workers.Count)], _clients[random.Next(_clients.Count)]);
                }
                else if (random.Next(3) == 0)
                {
                    _clients[random.Next(_clients.Count)].CancelLastCall(random.Next(2) == 0);
                }
            });
        }
    }

    private void GoWrong(SimulatedWorker worker, SimulatedClient client)
    {
        var random = _world.Random;
        switch (random.Next(11))
        {
            case 0 or 1:
                worker.Crash(random.Next(1, 8_000));
                break;
            case 2 or 3 or 4:
                worker.CutOff(random.Next(2) == 0 ? random.Next(1, 4_000) : random.Next(6_000, 15_000));
                break;
            case 5 or 6:
                worker.Drain(random.Next(0, 5_000), random.Next(1, 5_000));
                break;
            case 7 or 8:
                client.Break(random.Next(3) == 0 ? random.Next(5_000, 12_000) : random.Next(1, 1_500));
                break;
            case 9:
                client.CancelLastCall(random.Next(2) == 0);
                break;
            case 10 when random.Next(3) == 0:
                client.Leave();
                break;
        }
    }

    // Everything works, and there is room: all that was asked must get its result.
    private void Calm()
    {
        _world.Log("calm");
        _world.IsCalm = true;
        for (var i = 0; i < 2; i++)
        {
            var rescue = new SimulatedWorker(_world, Scenario.Rescue(_workers.Count));
            _workers.Add(rescue);
            rescue.Connect();
        }

        var end = _world.Time.NowMs + CalmLimitMs;
        Until(end, () => _clients.All(c => !c.Unfinished.Any()));
        var unfinished = _clients.SelectMany(c => c.Unfinished).Take(10).ToList();
        _world.Require(unfinished.Count == 0, $"In {CalmLimitMs / 60_000} min of calm these got no result: {string.Join(' ', unfinished)}\n{Describe()}");

        // Longer than any container is kept for a load that is over, and than inputs may run whose cancellation was lost with a connection: thirty of a map, one after the other.
        Until(_world.Time.NowMs + 40_000 + (30 * _world.Scenario.MaxServiceMs), () => false);
        foreach (var function in _world.Scenario.Functions)
        {
            var (spec, core) = (function.Spec, _world.Functions[function.Spec.FunctionId].Core);
            _world.Require(
                core.Containers.Count == spec.MinContainers && core.ReadyContainers == spec.MinContainers,
                $"{spec.FunctionId} has nothing to do and keeps {core.Containers.Count} containers, {core.ReadyContainers} of them ready, in place of {spec.MinContainers}\n{Describe()}");
            _world.Require((core.Queued, core.Running) == (0, 0), $"{spec.FunctionId} has {core.Queued} inputs queued and {core.Running} running and all have their results.");
            CheckStarts(spec.FunctionId);
        }
    }

    // Every attempt may need a container, every input one that is not needed once it is cancelled, every accident another; more would be starting and stopping for nothing.
    private void CheckStarts(string functionId)
    {
        var (spec, invariants) = (_world.Scenario.Functions.Single(f => f.Spec.FunctionId == functionId).Spec, _world.Invariants);
        var (starts, attempts, accidents) = (invariants.StartsOf(functionId), invariants.AttemptsOf(functionId), invariants.AccidentsOf(functionId));
        var work = Math.Max(attempts, _clients.Where(c => c.FunctionId == functionId).Sum(c => c.Sent)) * 3 / 2;
        _world.Require(
            starts <= 4 + spec.MinContainers + ((1 + spec.BufferContainers) * work) + (2 * accidents), $"{functionId} started {starts} containers for {attempts} attempts, with {accidents} accidents.");
    }

    private void Stop()
    {
        if (_world.Fault is not null)
        {
            return;
        }

        _world.Log("stop");
        foreach (var function in _world.Functions.Values)
        {
            _ = function.StopAsync("the simulation is over");
        }

        Until(_world.Time.NowMs + 60_000, () => false);
        var placement = _world.Pool.Placement;
        _world.Require(_world.StoppedFunctions.Count == _world.Functions.Count, $"Only these have ended: {string.Join(' ', _world.StoppedFunctions)}");
        _world.Require((placement.Placed.Count, placement.Waiting) == (0, 0), $"All functions have ended; {placement.Placed.Count} containers still have a place and {placement.Waiting} wait for one.");
        _world.Require(_workers.All(w => w.Containers.Count == 0), "All functions have ended and containers still run.");
    }

    private void Until(long timeMs, Func<bool> isDone)
    {
        while (_world.Fault is null && !isDone() && _world.Time.Step(timeMs))
        {
            if (_world.Time.Events % CheckEvery == 0)
            {
                _world.Invariants.CheckState();
            }
        }

        _world.Invariants.CheckState();
    }

    private string Describe() => string.Join('\n', _world.Scenario.Functions.Select(f =>
    {
        var core = _world.Functions[f.Spec.FunctionId].Core;
        return $"  {f.Spec.FunctionId}: {core.Queued} queued, {core.Running} running; "
            + string.Join(", ", core.Containers.Select(c => $"{_world.Name(c.Id)} {c.Phase} on '{c.WorkerSession}' holds {c.Inputs.Count} of {c.Credit}"));
    })) + $"\n  {_world.Pool.Placement.Waiting} containers wait for a place";
}
