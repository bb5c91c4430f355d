using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Modal.Backend.ControlPlane.Apps;
using Modal.Backend.ControlPlane.Clients;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Hosting;
using Modal.Backend.ControlPlane.Placing;
using Modal.Backend.ControlPlane.Workers;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>The control plane of one simulation: the real grains, links and outboxes, on simulated time.</summary>
internal sealed class World : IDisposable
{
    private static readonly int s_keptEvents = Seeds.IsOne ? 5_000 : 60;

    private readonly Queue<string> _log = new();
    private readonly Dictionary<string, FunctionReference> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly AppReference _app;

    public World(int seed, Scenario scenario)
    {
        Scenario = scenario;
        Random = new Random(seed ^ 0x5EED);
        Invariants = new Invariants(this);
        var orleans = new SimulatedOrleans(Find);
        _app = new AppReference(this);
        var clock = new Clock(Time);
        var options = Options.Create(new ControlPlaneOptions { Quota = Scenario.Quota });
        Pool = new PoolReference(this);
        Pool.Grain = orleans.Create("0", () => new PoolGrain(clock, options, NullLogger<PoolGrain>.Instance));
        foreach (var function in Scenario.Functions)
        {
            var id = function.Spec.FunctionId;
            var reference = new FunctionReference(this, id);
            _functions.Add(id, reference);
            reference.Grain = orleans.Create(id, () => new FunctionGrain(clock, Outboxes, Links, new Registry<AppOutbox>(), new NoCalls(), new NoSecrets(), options, NullLogger<FunctionGrain>.Instance));
        }
    }

    public Scenario Scenario { get; }

    public Random Random { get; }

    public SimulatedTime Time { get; } = new();

    public Registry<WorkerLink> Links { get; } = new();

    public Registry<CallOutbox> Outboxes { get; } = new();

    public PoolReference Pool { get; }

    public IReadOnlyDictionary<string, FunctionReference> Functions => _functions;

    public Invariants Invariants { get; }

    public HashSet<string> StoppedFunctions { get; } = [];

    /// <summary>From here on nothing goes wrong any more.</summary>
    public bool IsCalm { get; set; }

    /// <summary>What was found to be wrong first; null as long as nothing is.</summary>
    public string? Fault { get; private set; }

    public IEnumerable<string> LastEvents => _log;

    /// <summary>A number that is the same for the same course of events.</summary>
    public ulong Trace { get; private set; } = 14_695_981_039_346_656_037;

    public void Dispose()
    {
        Pool.Grain.Dispose();
        foreach (var function in _functions.Values)
        {
            function.Grain.Dispose();
        }
    }

    public bool Chance(double probability) => !IsCalm && Random.NextDouble() < probability * Scenario.Faults;

    public long Latency() => Scenario.MaxLatencyMs == 0 ? 0 : Random.Next(0, Scenario.MaxLatencyMs + 1);

    public void Fail(string fault)
    {
        if (Fault is null)
        {
            Fault = fault;
            Log($"FAULT {fault}");
        }
    }

    public void Require(bool holds, string fault)
    {
        if (!holds)
        {
            Fail(fault);
        }
    }

    public void Log(string what)
    {
        var line = $"{Time.NowMs,7} {what}";
        foreach (var c in line)
        {
            Trace = (Trace ^ c) * 1_099_511_628_211;
        }

        _log.Enqueue(line);
        if (_log.Count > s_keptEvents)
        {
            _log.Dequeue();
        }
    }

    /// <summary>A short name of a container, the same in every run.</summary>
    public string Name(string containerId)
    {
        if (!_names.TryGetValue(containerId, out var name))
        {
            _names.Add(containerId, name = $"c{_names.Count + 1}");
        }

        return name;
    }

    /// <summary>A call to a grain: it takes time, and may fail before or after it took effect.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call, bool mayFail = true)
    {
        await Time.DelayAsync(Latency());
        if (mayFail && Chance(0.02))
        {
            throw new TimeoutException("The call was lost.");
        }

        T result;
        try
        {
            result = await call();
        }
        catch (Exception e) when (e is not (TooManyInputsException or TimeoutException))
        {
            Fail($"A grain threw: {e}");
            throw;
        }

        await Time.DelayAsync(Latency());
        return mayFail && Chance(0.02) ? throw new TimeoutException("The answer was lost.") : result;
    }

    public Task CallAsync(Func<Task> call, bool mayFail = true) => CallAsync(
        async () =>
        {
            await call();
            return true;
        },
        mayFail);

    private object Find(Type type, string key) => type == typeof(IPoolGrain) ? Pool : type == typeof(IAppGrain) ? _app : _functions[key];
}
