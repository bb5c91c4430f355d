namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>Apps of which each wants all that there is, for longer than the simulation lasts.</summary>
internal sealed class Contention : IDisposable
{
    private const long WarmUpMs = 6_000;
    private const long EndMs = 16_000;

    private readonly World _world;
    private readonly List<SimulatedWorker> _workers;
    private readonly List<SimulatedClient> _clients;

    public Contention(int seed)
    {
        _world = new World(seed, Scenario.Contended(seed));
        _workers = [.. _world.Scenario.Workers.Select(w => new SimulatedWorker(_world, w))];
        _clients = [.. _world.Scenario.Functions.Select((f, i) => new SimulatedClient(_world, f, $"fc-{i}"))];
    }

    public Scenario Scenario => _world.Scenario;

    /// <returns>What the app with most had, over the time, for each that the app with least had; and what was found to be wrong.</returns>
    public (double Ratio, string? Fault) Run()
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_world.Time.Context);
        try
        {
            return (Measure(), _world.Fault);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    public void Dispose() => _world.Dispose();

    private double Measure()
    {
        foreach (var function in _world.Scenario.Functions)
        {
            _ = _world.Functions[function.Spec.FunctionId].ConfigureAsync(function);
        }

        _workers.ForEach(w => w.Connect());
        foreach (var client in _clients)
        {
            // An early start gives no more for long.
            var headStart = _world.Random.Next(0, 3_000);
            _world.Time.After(100, client.Connect);
            _world.Time.After(500 + headStart, () => client.Call(5_000));
        }

        var had = _world.Scenario.Functions.Select(f => f.AppId).Distinct().ToDictionary(a => a, _ => 0L);
        var (last, running) = (WarmUpMs, true);
        while (running)
        {
            var has = _world.Pool.Placement.Placed.Select(p => p.Function.App!.Id).ToList();
            running = _world.Time.Step(EndMs);
            if (_world.Time.NowMs > last)
            {
                has.ForEach(a => had[a] += _world.Time.NowMs - last);
                last = _world.Time.NowMs;
            }
        }

        _world.Invariants.CheckState();
        return had.Values.Max() / (double)Math.Max(1, had.Values.Min());
    }
}
