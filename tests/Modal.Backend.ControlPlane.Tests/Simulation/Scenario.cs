using Google.Protobuf;
using Modal.Backend.ControlPlane.Functions;
using Modal.Backend.ControlPlane.Placing;
using Modal.Protocol;

namespace Modal.Backend.ControlPlane.Tests.Simulation;

/// <summary>What one seed simulates: functions, workers, how long things take, and what goes wrong.</summary>
internal sealed class Scenario
{
    private static readonly string[] s_gpus = ["", "", "", "T4", "A100:2", "T4, any"];
    private readonly int _seed;

    private Scenario(int seed) => _seed = seed;

    /// <summary>From 0, nothing goes wrong, to 1.</summary>
    public double Faults { get; private init; }

    /// <summary>How long inputs arrive and things go wrong.</summary>
    public long ChaosMs { get; private init; }

    public int MaxStartMs { get; private init; }

    public int MaxServiceMs { get; private init; }

    public int MaxLatencyMs { get; private init; }

    public IReadOnlyList<FunctionConfiguration> Functions { get; private init; } = [];

    public IReadOnlyList<RegisterWorker> Workers { get; private init; } = [];

    public QuotaOptions Quota { get; private init; } = new();

    /// <summary>Anything may happen.</summary>
    public static Scenario Of(int seed)
    {
        var random = new Random(seed);
        var apps = random.Next(1, 4);
        FunctionConfiguration[] functions = [.. Enumerable.Range(0, random.Next(1, 5)).Select(i => FunctionOf(random, $"fn-{i}", $"ap-{i % apps}"))];

        // Enough for what is always wanted and one more, or one more cluster: with less some function may never get a container.
        var needed = functions.Sum(f => f.Spec.MinContainers + f.Spec.BufferContainers) + functions.Max(f => Math.Max(1, f.Spec.ClusterSize));
        return new Scenario(seed)
        {
            Faults = random.Next(4) switch { 0 => 0, 1 => 0.3, _ => 1 },
            ChaosMs = random.Next(5_000, 25_000),
            MaxStartMs = random.Next(3) switch { 0 => 50, 1 => 600, _ => 4_000 },
            MaxServiceMs = random.Next(7) switch { 0 or 1 => 5, 2 or 3 => 150, 4 or 5 => 2_500, _ => 15_000 },
            MaxLatencyMs = random.Next(3) switch { 0 => 0, 1 => 3, _ => 60 },
            Functions = functions,
            Workers = [.. Enumerable.Range(0, random.Next(1, 6)).Select(i => WorkerOf($"wk-{i}", random.Next(2, 9), random.Next(2, 17) * 512, random.Next(3) == 0 ? random.Next(1, 5) : 0))],
            Quota = new QuotaOptions { MaxContainers = random.Next(4) == 0 ? needed + random.Next(0, 6) : 0 },
        };
    }

    /// <summary>Nothing goes wrong, and several apps want all the room for themselves. Their containers come and go: those that are used again keep their place for as long as there is work.</summary>
    public static Scenario Contended(int seed)
    {
        var random = new Random(seed);
        var functions = new List<FunctionConfiguration>();
        for (var app = random.Next(2, 5); app > 0; app--)
        {
            // An app has no more for having more functions.
            for (var i = random.Next(1, 3); i > 0; i--)
            {
                var id = $"fn-{app}-{i}";
                var spec = new FunctionSpec { FunctionId = id, Name = id, Resources = new Resources { CpuCores = 1, MemoryMib = 256 }, MaxConcurrentInputs = 1, MaxContainers = 100, SingleUseContainers = true };
                functions.Add(new FunctionConfiguration($"ap-{app}", spec, new CodeVersion { Digest = "code" }));
            }
        }

        return new Scenario(seed)
        {
            MaxStartMs = 200,
            MaxServiceMs = 400,
            MaxLatencyMs = random.Next(0, 4),
            Functions = functions,
            Workers = [.. Enumerable.Range(0, random.Next(2, 5)).Select(i => WorkerOf($"wk-{i}", random.Next(4, 9), 16_384, 0))],
        };
    }

    /// <summary>Two of them have room for everything, for the time in which all must end.</summary>
    public static RegisterWorker Rescue(int number) => WorkerOf($"wk-rescue-{number}", 64, 256 * 1024, 64);

    /// <summary>What an input does, the same on every worker and in every attempt.</summary>
    public InputScript ScriptOf(InputKey key)
    {
        var random = new Random(HashCode(key));
        var fails = Faults > 0 && random.Next(5) == 0;
        return new InputScript(
            ServiceMs: random.Next(20) == 0 ? MaxServiceMs : random.Next(0, MaxServiceMs + 1),
            Failures: fails ? random.Next(1, 4) : 0,
            Kind: random.Next(4) switch { 0 => FailureKind.Timeout, 1 => FailureKind.Crashed, _ => FailureKind.UserException },
            Yields: random.Next(6) == 0 ? random.Next(1, 4) : 0);
    }

    public override string ToString() =>
        $"faults {Faults}, arrivals for {ChaosMs} ms, starts up to {MaxStartMs} ms, inputs up to {MaxServiceMs} ms, latency up to {MaxLatencyMs} ms, quota {Quota.MaxContainers}\n"
        + string.Join('\n', Functions.Select(f => $"  {f.AppId} {JsonFormatter.Default.Format(f.Spec)}")) + "\n"
        + string.Join('\n', Workers.Select(w => $"  {JsonFormatter.Default.Format(w)}"));

    // string.GetHashCode differs from process to process.
    private int HashCode(InputKey key) => key.StreamId.Aggregate(_seed, static (h, c) => unchecked((h * 31) + c)) * 31 + (int)((key.Call * 1009) + key.Index);

    private static FunctionConfiguration FunctionOf(Random random, string id, string app)
    {
        var kind = random.Next(7);
        var size = kind == 6 ? random.Next(2, 4) : 1;
        var max = kind == 6 ? random.Next(1, 3) : random.Next(1, 7);
        var spec = new FunctionSpec
        {
            FunctionId = id,
            Name = id,
            Resources = new Resources { CpuCores = random.Next(1, 9) / 4.0, MemoryMib = random.Next(1, 5) * 256, Gpu = s_gpus[random.Next(s_gpus.Length)] },
            MaxConcurrentInputs = kind is 1 or 2 || (kind == 6 && random.Next(2) == 0) ? random.Next(2, 6) : 1,
            TargetConcurrentInputs = kind == 2 ? random.Next(1, 4) : 0,
            SingleUseContainers = kind == 3,
            BatchMaxSize = kind == 4 ? random.Next(1, 6) : 0,
            BatchWaitMs = kind == 4 ? random.Next(0, 3) * 300 : 0,
            Retries = random.Next(0, 3),
            RetryBackoff = random.Next(1, 3),
            RetryInitialDelayMs = random.Next(1, 1_500),
            MaxContainers = size * max,
            MinContainers = random.Next(3) == 0 ? size * random.Next(0, Math.Min(max, 2) + 1) : 0,
            BufferContainers = random.Next(3) == 0 ? size * random.Next(0, 3) : 0,
            ClusterSize = kind == 6 ? size : 0,
            ScaledownWindowMs = random.Next(500, 6_000),
            Priority = random.Next(3) == 0 ? random.Next(-1, 2) : 0,
            Nonpreemptible = random.Next(4) == 0,
            Spread = random.Next(4) == 0,
        };
        return new FunctionConfiguration(app, spec, new CodeVersion { Digest = $"code-{id}" });
    }

    private static RegisterWorker WorkerOf(string id, double cores, long memoryMiB, int gpus)
    {
        var worker = new RegisterWorker { WorkerId = id, CpuCores = cores, MemoryMib = memoryMiB };
        worker.Gpus.AddRange(Enumerable.Range(0, gpus).Select(g => new WorkerGpu { Uuid = $"GPU-{id}-{g}", Model = g < gpus / 2 ? "T4" : "A100" }));
        return worker;
    }
}
